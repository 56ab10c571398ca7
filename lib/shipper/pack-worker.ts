// The packing thread: takes one packing job at a time from the main thread, and questions about directories in between.
// Compiled into the executable as a second entry point.

import { fingerprintOf, type PackJob, type PackResult, packEpisode } from "./pack.ts";

export type ToPacker =
  | { type: "pack"; job: PackJob }
  | { type: "cancel" }
  | { type: "fingerprint"; question: number; root: string };
export type FromPacker =
  | { type: "moved" }
  | { type: "result"; result: PackResult }
  | { type: "fingerprint"; question: number; fingerprint: string | null };

declare const self: Worker;

let cancelled = false;

const post = (message: FromPacker): void => self.postMessage(message);

self.onmessage = async ({ data }: MessageEvent<ToPacker>): Promise<void> => {
  if (data.type === "cancel") {
    cancelled = true;
  } else if (data.type === "fingerprint") {
    post({ type: "fingerprint", question: data.question, fingerprint: fingerprintOf(data.root) });
  } else {
    cancelled = false;
    const hooks = { moved: () => post({ type: "moved" }), cancelled: () => cancelled };
    post({ type: "result", result: await packEpisode(data.job, hooks) });
  }
};
