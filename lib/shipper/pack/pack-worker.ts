// The packing thread: packs what the main thread hands it, several episodes by turns, and answers questions about directories
// in between. Compiled into the executable as a second entry point.

import type { PackJob, PackProgress, PackResult } from "./job.ts";
import { fingerprintOf, packEpisode } from "./pack.ts";

/** Jobs and questions have a number of their own, by which their answers are told apart. */
export type ToPacker =
  | { type: "pack"; number: number; job: PackJob }
  | { type: "cancel" }
  | { type: "fingerprint"; number: number; root: string };
export type FromPacker =
  | { type: "moved"; number: number; progress: PackProgress | null }
  | { type: "result"; number: number; result: PackResult }
  | { type: "fingerprint"; number: number; fingerprint: string | null };

/** Of a job's progress the main thread hears so often, milliseconds: each time costs it a turn. */
const TELL_EVERY_MS = 50;

declare const self: Worker;

let cancelled = false;

const post = (message: FromPacker): void => self.postMessage(message);

self.onmessage = async ({ data }: MessageEvent<ToPacker>): Promise<void> => {
  if (data.type === "cancel") {
    cancelled = true;
    return;
  }
  const { type, number } = data;
  if (type === "fingerprint") {
    post({ type, number, fingerprint: await fingerprintOf(data.root) });
    return;
  }
  let toldMs = Number.NEGATIVE_INFINITY;
  const moved = (progress: PackProgress | null = null): void => {
    if (performance.now() - toldMs < TELL_EVERY_MS) return;
    toldMs = performance.now();
    post({ type: "moved", number, progress });
  };
  const hooks = { moved, cancelled: () => cancelled };
  post({ type: "result", number, result: await packEpisode(data.job, hooks) });
};
