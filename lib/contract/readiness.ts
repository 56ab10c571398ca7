// readiness.json in the receiver's run directory: whether episodes can be stored, looked at every few seconds. Written by the receiver,
// read by its commands and by the health check. Pure. What else stands in it is the receiver's own.

import { join } from "node:path/posix";

export function readinessPath(runDir: string): string {
  return join(runDir, "readiness.json");
}

/** The run directory of a receiver where none is set. */
export const RECEIVER_RUN_DIR = "/run/labfleet/receiver";

/** What was written is out of date then. */
export const READINESS_STALE_MS = 60_000;

/** Whether episodes can be stored, for people and programs; `ready` null: nobody knows. */
export interface Storing {
  ready: boolean | null;
  why: string | null;
  fix: string | null;
}

export interface Readiness {
  atMs: number;
  storing: Storing;
  /** It cannot for want of room, in bytes or in files. A receiver of a release before does not say it. */
  isFull: boolean;
  /** All that stands there. */
  rest: Readonly<Record<string, unknown>>;
}

/** Reads it; null when it is none. */
export function parseReadiness(text: string): Readiness | null {
  try {
    const rest = Object(JSON.parse(text)) as Record<string, unknown>;
    const { at, ready, kind, why, fix } = rest;
    const atMs = Date.parse(String(at));
    if (!Number.isFinite(atMs) || typeof ready !== "boolean") return null;
    const asText = (value: unknown): string | null => (typeof value === "string" ? value : null);
    const isFull = !ready && (kind === "bytes" || kind === "inodes");
    return { atMs, storing: { ready, why: asText(why), fix: asText(fix) }, isFull, rest };
  } catch {
    return null;
  }
}
