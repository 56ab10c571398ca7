// What a symptom is told with, and what all of them hold to. Pure.

import type { Finding, Fix } from "../../core/finding.ts";
import { formatSeconds } from "../../core/text/quantity.ts";
import type { HostSummary } from "../../fleet/view.ts";

export interface Limits {
  nowMs: number;
  /** How much of the time from then until now something could have come, milliseconds. */
  coveredMs: (fromMs: number) => number;
  /** How much of the last so many milliseconds it could have, whatever the clock has shown in them. */
  coveredOfLastMs: (ms: number) => number;
  /** A host is silent that shipped nothing for longer than this. */
  silentAfterMs: (host: string) => number;
  /** A host is down of whom no heartbeat came for longer than this. */
  downAfterMs: number;
  /** A queue that fails is no news before that. */
  failingAfterMs: number;
  fatalMinCount: number;
}

export interface Told {
  /** Hosts that have one symptom for one cause are told together. */
  cause: string;
  what: string;
  fix: Fix | null;
  /** Since when it is so, where that is known. */
  beganMs?: number;
  /** What it is told from came then, where that is one moment: only what comes later ends it. */
  signMs?: number;
}

export function long(ms: number): string {
  return formatSeconds(Math.max(0, Math.round(ms / 1000)));
}

/** In the words of the receiver's own list. */
export function problemOf({ problem }: HostSummary): Finding {
  return problem ?? { what: "its heartbeat does not say what", fix: null };
}
