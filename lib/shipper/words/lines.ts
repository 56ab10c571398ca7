// How a pause is said in one line. Pure.

import type { QueuePause } from "../../contract/queue.ts";
import type { Finding } from "../../core/finding.ts";

/**
 * What stopped the queue: `3 of 3 episodes in a row: collector:8443 answers 413 from "nginx", not the receiver`.
 * @param witnesses how many different episodes in a row met it
 */
export function pauseText(kind: QueuePause["kind"], { what }: Finding, witnesses: number): string {
  return kind === "misconfigured" ? what : `${witnesses} of ${witnesses} episodes in a row: ${what}`;
}
