// The packing thread as seen from the main thread: jobs side by side, their progress, and a way to call them all off.

import { threadUrl } from "../../os/process/thread.ts";
import type { PackJob, PackProgress, PackResult } from "./job.ts";
import type { FromPacker, ToPacker } from "./pack-worker.ts";

export interface Packer {
  /** Packs one episode, beside others. `moved` is called as bytes go through, with how far it is; null: that cannot be told yet. */
  pack(job: PackJob, moved: Moved): Promise<PackResult>;
  /** What a directory looks like now, for comparison with a packed archive's; null when it cannot be read. */
  fingerprint(root: string): Promise<string | null>;
  /** Calls the present jobs off and takes no other: all resolve as `cancelled`. */
  cancel(): void;
  close(): void;
}

type Moved = (progress: PackProgress | null) => void;

interface Job extends PromiseWithResolvers<PackResult> {
  moved: Moved;
}

/** Starts the packing thread. */
export function startPacker(): Packer {
  const worker = new Worker(threadUrl("lib/shipper/pack/pack-worker"));
  let dead: Error | null = null;
  let cancelled = false;
  const jobs = new Map<number, Job>();
  const questions = new Map<number, PromiseWithResolvers<string | null>>();
  let last = 0;
  const send = (message: ToPacker): void => worker.postMessage(message);
  worker.onmessage = ({ data }: MessageEvent<FromPacker>) => {
    if (data.type === "moved") return jobs.get(data.number)?.moved(data.progress);
    if (data.type === "fingerprint") {
      questions.get(data.number)?.resolve(data.fingerprint);
      questions.delete(data.number);
      return;
    }
    jobs.get(data.number)?.resolve(data.result);
    jobs.delete(data.number);
  };
  worker.onerror = (event) => {
    dead = new Error(`the packing thread failed: ${event.message}`);
    for (const waiting of [...jobs.values(), ...questions.values()]) waiting.reject(dead);
    jobs.clear();
    questions.clear();
  };
  return {
    pack(job, moved) {
      if (dead !== null) return Promise.reject(dead);
      if (cancelled) return Promise.resolve({ kind: "cancelled" });
      const waiting = { ...Promise.withResolvers<PackResult>(), moved };
      jobs.set(++last, waiting);
      send({ type: "pack", number: last, job });
      return waiting.promise;
    },
    fingerprint(root) {
      if (dead !== null) return Promise.reject(dead);
      const question = Promise.withResolvers<string | null>();
      questions.set(++last, question);
      send({ type: "fingerprint", number: last, root });
      return question.promise;
    },
    cancel() {
      cancelled = true;
      send({ type: "cancel" });
    },
    close: () => worker.terminate(),
  };
}
