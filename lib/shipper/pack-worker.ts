// The packing thread: takes one job at a time from the main thread and answers with its result. Compiled into the
// executable as a second entry point.

import { type PackJob, type PackResult, packEpisode } from "./pack.ts";

export type ToPacker = { type: "pack"; job: PackJob } | { type: "cancel" };
export type FromPacker = { type: "moved"; bytes: number } | { type: "result"; result: PackResult };

declare const self: Worker;

let cancelled = false;

self.onmessage = async (event: MessageEvent<ToPacker>): Promise<void> => {
  if (event.data.type === "cancel") {
    cancelled = true;
    return;
  }
  cancelled = false;
  const post = (message: FromPacker): void => self.postMessage(message);
  const result = await packEpisode(event.data.job, {
    moved: (bytes) => post({ type: "moved", bytes }),
    cancelled: () => cancelled,
  });
  post({ type: "result", result });
};
