// The packing thread as seen from the main thread: one job at a time, its progress, and a way to call it off.

import { threadUrl } from "../os/thread.ts";
import type { PackJob, PackResult } from "./pack.ts";
import type { FromPacker, ToPacker } from "./pack-worker.ts";

export interface Packer {
  /** Packs one episode; only one job at a time. `moved` is called as bytes go through. */
  pack(job: PackJob, moved: () => void): Promise<PackResult>;
  /** What a directory looks like now, for comparison with a packed archive's; null when it cannot be read. */
  fingerprint(root: string): Promise<string | null>;
  /** Calls the present job off and takes no other: both resolve as `cancelled`. */
  cancel(): void;
  close(): void;
}

/** Starts the packing thread. */
export function startPacker(): Packer {
  const worker = new Worker(threadUrl("lib/shipper/pack-worker"));
  let current: { resolve: (result: PackResult) => void; reject: (error: unknown) => void; moved: () => void } | null =
    null;
  let dead: Error | null = null;
  let cancelled = false;
  const questions = new Map<number, PromiseWithResolvers<string | null>>();
  let nextQuestion = 0;
  const send = (message: ToPacker): void => worker.postMessage(message);
  worker.onmessage = (event: MessageEvent<FromPacker>) => {
    const { data } = event;
    if (data.type === "moved") return current?.moved();
    if (data.type === "fingerprint") {
      questions.get(data.question)?.resolve(data.fingerprint);
      questions.delete(data.question);
      return;
    }
    const job = current;
    current = null;
    job?.resolve(data.result);
  };
  worker.onerror = (event) => {
    dead = new Error(`the packing thread failed: ${event.message}`);
    current?.reject(dead);
    current = null;
    for (const question of questions.values()) question.reject(dead);
    questions.clear();
  };
  return {
    pack(job, moved) {
      if (dead !== null) return Promise.reject(dead);
      if (cancelled) return Promise.resolve({ kind: "cancelled" });
      if (current !== null) throw new Error("the packing thread takes one job at a time");
      return new Promise((resolve, reject) => {
        current = { resolve, reject, moved };
        send({ type: "pack", job });
      });
    },
    fingerprint(root) {
      if (dead !== null) return Promise.reject(dead);
      const question = Promise.withResolvers<string | null>();
      questions.set(++nextQuestion, question);
      send({ type: "fingerprint", question: nextQuestion, root });
      return question.promise;
    },
    cancel() {
      cancelled = true;
      send({ type: "cancel" });
    },
    close: () => worker.terminate(),
  };
}
