// How a remedy and a pause are said in one line. Pure.

import type { QueuePause } from "../../contract/queue.ts";
import { type Finding, type Fix, fixText } from "../../core/finding.ts";

/** `; fix: …`, or nothing. */
export function fixTail(fix: Fix | null): string {
  return fix === null ? "" : `; fix: ${fixText(fix)}`;
}

/**
 * What stopped the queue: `3 of 3 episodes in a row: collector:8443 answers 413 from "nginx", not the receiver`.
 * @param witnesses how many different episodes in a row met it
 */
export function pauseText(kind: QueuePause["kind"], { what }: Finding, witnesses: number): string {
  return kind === "misconfigured" ? what : `${witnesses} of ${witnesses} episodes in a row: ${what}`;
}
