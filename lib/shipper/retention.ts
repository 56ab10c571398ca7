// What may be removed, and when: only what a receiver has acknowledged or refused by itself, and only while the clock can
// be trusted. Decisions on top, the removal below.

import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Place, readDocument } from "./document.ts";
import type { Dirs } from "./settle.ts";

const DAY_MS = 86_400_000;
/** Two hosts' clocks may differ by so much without either being wrong, milliseconds. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** A settled episode that some document speaks for. */
export interface Settled {
  /** Directory below `shipped/` or `quarantine/`. */
  name: string;
  /** When it was acknowledged or refused, by the receiver's clock where it said, milliseconds since 1970. */
  atMs: number;
  /** False: never by itself (no receipt, an unverified one, a conflict, an incomplete episode). */
  prunable: boolean;
  /** What the directory looked like when it was settled: see `fingerprintOf`. */
  fingerprint: string;
}

export type ClockCheck = { trusted: true } | { trusted: false; why: string };

/**
 * Whether ages may be reckoned: only within a day after the newest receipt, which carries the receiver's clock. A host
 * that woke up in 1970 or in ten years prunes nothing; one that shipped nothing for a day has nothing to prune for.
 */
export function checkClock(nowMs: number, newestReceiptMs: number | null): ClockCheck {
  if (newestReceiptMs === null) return { trusted: false, why: "there is no receipt yet to check this host's clock by" };
  const newest = new Date(newestReceiptMs).toISOString();
  const now = new Date(nowMs).toISOString();
  if (nowMs < newestReceiptMs - CLOCK_TOLERANCE_MS) {
    return { trusted: false, why: `this host's clock (${now}) is behind the newest receipt (${newest})` };
  }
  if (nowMs > newestReceiptMs + DAY_MS) {
    return {
      trusted: false,
      why: `this host's clock (${now}) is more than a day after the newest receipt (${newest})`,
    };
  }
  return { trusted: true };
}

/** Those older than `keepDays` that may go; `keepDays` 0 keeps everything. */
export function expired(settled: readonly Settled[], keepDays: number, nowMs: number): Settled[] {
  if (keepDays === 0) return [];
  return settled.filter((s) => s.prunable && nowMs - s.atMs > keepDays * DAY_MS);
}

/** Acknowledged episodes in the order in which they go when the disk is low: oldest first. */
export function lowDiskOrder(shipped: readonly Settled[]): Settled[] {
  return shipped.filter((s) => s.prunable).sort((a, b) => a.atMs - b.atMs);
}

/** What a settled episode's document says. Pure. */
export function readSettled(name: string, kind: Place, text: string | null): Settled {
  const none: Settled = { name, atMs: 0, prunable: false, fingerprint: "" };
  if (text === null) return none;
  let document: Record<string, unknown> | null;
  try {
    document = JSON.parse(text);
  } catch {
    return none;
  }
  if (typeof document !== "object" || document === null) return none;
  const at = kind === "shipped" ? document.received_at_wall : document.at;
  const atMs = typeof at === "string" ? Date.parse(at) : Number.NaN;
  const { fingerprint, episode_id } = document;
  if (document.labfleet !== 1 || Number.isNaN(atMs) || typeof fingerprint !== "string" || fingerprint === "")
    return none;
  // A document that was copied from another episode speaks for that one.
  if (episode_id !== name.replace(/~\d+$/, "")) return none;
  return { name, atMs, prunable: (kind === "shipped" ? document.verified : document.prunable) === true, fingerprint };
}

/** Reads every settled episode's document. */
export async function listSettled(dirs: Dirs, kind: Place): Promise<Settled[]> {
  const settled: Settled[] = [];
  for (const entry of await readdir(dirs[kind], { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith(".")) continue;
    const text = await readDocument(join(dirs[kind], entry.name), kind);
    settled.push(readSettled(entry.name, kind, text));
  }
  return settled;
}

const DOOMED = ".pruned-";

/** Removes a settled episode. It loses its name first: a power cut in between leaves nothing that looks like data. */
export async function removeSettled(dirs: Dirs, kind: Place, name: string): Promise<void> {
  const doomed = join(dirs[kind], `${DOOMED}${name}`);
  await rename(join(dirs[kind], name), doomed);
  await rm(doomed, { recursive: true, force: true });
}

/** Finishes removals that were interrupted; what cannot be removed stays and is returned. */
export async function sweepDoomed(dirs: Dirs): Promise<string[]> {
  const left: string[] = [];
  for (const kind of ["shipped", "quarantine"] as const) {
    for (const name of await readdir(dirs[kind])) {
      if (!name.startsWith(DOOMED)) continue;
      const path = join(dirs[kind], name);
      await rm(path, { recursive: true, force: true }).catch(() => left.push(path));
    }
  }
  return left;
}
