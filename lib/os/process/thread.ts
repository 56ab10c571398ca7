// Threads: where their code lies, and one that answers one question and ends, taking its memory with it.

import { BUILD } from "../../core/build-info.ts";
import { UserError } from "../../core/failure.ts";
import type { Fix } from "../../core/finding.ts";

/** Code of a thread by its path in the project, such as `lib/shipper/pack/pack-worker`; listed in core/tools.ts too. */
export function threadUrl(path: string): string {
  // In an executable everything is one file at the root, and threads lie below it by their path in the project.
  const file = BUILD.target === "source" ? `../../../${path}.ts` : `./${path}.js`;
  return new URL(file, import.meta.url).href;
}

type Reply<A> = { answer: A } | { mistake: { message: string; fix: Fix | null; exitCode: number } };

/**
 * Asks a thread made for this one question. What it needed, such as a schema library, does not stay in this process.
 * @throws UserError when the thread's answer was one
 */
export function askThread<Q, A>(path: string, question: Q): Promise<A> {
  const worker = new Worker(threadUrl(path));
  return new Promise<A>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Reply<A>>) => {
      if ("answer" in data) resolve(data.answer);
      else reject(new UserError(data.mistake.message, data.mistake.fix, data.mistake.exitCode));
    };
    worker.onerror = (event) => reject(new Error(`the thread ${path} failed: ${event.message}`));
    worker.postMessage(question);
  }).finally(() => worker.terminate());
}

/** The other side of `askThread`: to be called at the top of the thread's file. */
export function answerOnce<Q, A>(scope: Worker, answer: (question: Q) => A): void {
  scope.onmessage = ({ data }: MessageEvent<Q>) => {
    let reply: Reply<A>;
    try {
      reply = { answer: answer(data) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      reply = { mistake: { message: error.message, fix: error.fix, exitCode: error.exitCode } };
    }
    scope.postMessage(reply);
  };
}
