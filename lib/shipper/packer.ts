// The packing thread as seen from the main thread: one job at a time, its progress, and a way to call it off.

import type { PackJob, PackResult } from "./pack.ts";
import type { FromPacker, ToPacker } from "./pack-worker.ts";

export interface Packer {
  /** Packs one episode; only one job at a time. `moved` is called as bytes go through. */
  pack(job: PackJob, moved: () => void): Promise<PackResult>;
  /** Calls the present job off: it resolves as `cancelled` soon. */
  cancel(): void;
  close(): void;
}

/** Starts the packing thread. */
export function startPacker(): Packer {
  const worker = new Worker(new URL("./pack-worker.ts", import.meta.url).href);
  let current: { resolve: (result: PackResult) => void; reject: (error: unknown) => void; moved: () => void } | null = null;
  const send = (message: ToPacker): void => worker.postMessage(message);
  worker.onmessage = (event: MessageEvent<FromPacker>) => {
    if (event.data.type === "moved") return current?.moved();
    const job = current;
    current = null;
    job?.resolve(event.data.result);
  };
  worker.onerror = (event) => {
    const job = current;
    current = null;
    job?.reject(new Error(`the packing thread failed: ${event.message}`));
  };
  return {
    pack(job, moved) {
      if (current !== null) throw new Error("the packing thread takes one job at a time");
      return new Promise((resolve, reject) => {
        current = { resolve, reject, moved };
        send({ type: "pack", job });
      });
    },
    cancel: () => send({ type: "cancel" }),
    close: () => worker.terminate(),
  };
}
