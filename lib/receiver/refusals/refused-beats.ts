// Which hosts' heartbeats were refused of late by this very receiver, though they showed who they are: it knows why they are silent.
// In memory, since attempts/ takes no rows while the disk is down to its reserve, and that is just when they are refused.

import type { RefusedBeat } from "../../fleet/never.ts";
import { forgetOldest } from "./oldest.ts";

const HOSTS_MAX = 20_000;
/** A host that was told to wait has come again by then; one that has not is silent for another reason. */
const LATELY_MS = 600_000;

export interface RefusedBeats {
  note(host: string, refused: Pick<RefusedBeat, "status" | "reason" | "detail">, nowMs: number): void;
  /** One was taken: what was before does not matter any more. */
  taken(host: string): void;
  /** Those of the last minutes, by host. */
  lately(nowMs: number): Map<string, RefusedBeat>;
}

export function createRefusedBeats(): RefusedBeats {
  const hosts = new Map<string, RefusedBeat>();
  return {
    note(host, { status, reason, detail }, nowMs) {
      const count = (hosts.get(host)?.count ?? 0) + 1;
      hosts.delete(host);
      hosts.set(host, { count, atMs: nowMs, status, reason, detail });
      forgetOldest(hosts, HOSTS_MAX);
    },
    taken: (host) => void hosts.delete(host),
    lately: (nowMs) => new Map([...hosts].filter(([, { atMs }]) => isLately(atMs, nowMs))),
  };
}

/** Whether it was in the last minutes; a clock that was set makes nothing recent for ever. */
function isLately(atMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - atMs) <= LATELY_MS;
}
