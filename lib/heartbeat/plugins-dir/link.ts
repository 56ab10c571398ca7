// The line to the thread of one plugin: asks, waits, ends it, knows whether it is gone, and bounds what it can send, since
// the plugin's own code can send as well.

import { SaidOnce } from "../../core/said-once.ts";
import { quoted } from "../../core/text/fields.ts";
import { threadUrl } from "../../os/process/thread.ts";
import type { Log } from "../../runtime/log/log.ts";
import { PluginFault } from "../collect/plugin-fault.ts";
import { type FromPlugin, readMessage, type ToPlugin } from "./messages.ts";

/** Everything that a plugin may see of the agent's environment: no credential, no notify socket. */
const ENV = ["PATH", "HOME", "TZ", "LANG"];

const BOUNDS = {
  /** Log lines between two collections that get into the log; more than the thread lets through by itself. */
  lines: 60,
  /** Messages of any kind between two collections: who sends more than that does nothing else. */
  messages: 5000,
};

/** A thread that was ended is mostly gone within milliseconds; what is not is looked at again at the next collection. */
const GONE_MS = 1000;

/** Why a thread ended that we ended ourselves. */
export const CLOSED = "it was closed";

export type Reply = Exclude<FromPlugin, { type: "log" | "fault" }>;

/** What a plugin's threads died of while nobody waited for them: the log says it once for each kind, not at every interval. */
export class Falls {
  readonly #said = new SaidOnce();

  constructor(private readonly log: Log) {}

  say(name: string, why: string, stack: string | null): void {
    const kind = why.replace(/\d+/g, "#");
    if (!this.#said.isNews("", kind)) return;
    const fields = stack === null ? {} : { stack };
    this.log.warn(`Plugin ${name} fell over: ${quoted(why)}; it is started again at the next collection`, fields);
  }

  /** It has come through a whole interval. */
  forget(): void {
    this.#said.isOver("");
  }
}

export class PluginLink {
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | null = null;
  #over: string | null = null;
  #fell: string | null = null;
  #askedMs = Date.now();
  #endedMs = 0;
  #isGone = false;
  readonly #gone = Promise.withResolvers<void>();
  #messages = 0;
  #lines = 0;
  readonly #worker: Worker;

  /** @param name for the log: the file's, until the plugin has said its own */
  constructor(
    public name: string,
    private readonly log: Log,
    private readonly falls: Falls,
  ) {
    const env = Object.fromEntries(ENV.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
    this.#worker = new Worker(threadUrl("lib/heartbeat/plugins-dir/worker"), { env, smol: true });
    this.#worker.onmessage = ({ data }: MessageEvent<unknown>) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.end(`something in it threw: ${messageIn(event.message)}`);
    };
    this.#worker.addEventListener("close", () => {
      this.#isGone = true;
      this.#gone.resolve();
      this.end("it ended its own thread");
    });
  }

  /** Why the thread has ended; null while it lives. */
  get over(): string | null {
    return this.#over;
  }

  /** Why its thread ended while nobody waited for an answer; null if it did not, and once this has been asked. */
  takeFall(): string | null {
    const fell = this.#fell;
    this.#fell = null;
    return fell;
  }

  /**
   * Waits until the thread that was ended is gone; a short while only, counted from its end, since one in a system call
   * that does not return cannot be ended by anything.
   * @param signal ends the waiting
   * @returns null once it is gone; otherwise since when it has been away, ISO 8601
   */
  async stuckSince(signal: AbortSignal): Promise<string | null> {
    const enough = Promise.withResolvers<void>();
    const leftMs = this.#endedMs + GONE_MS - performance.now();
    if (!this.#isGone && leftMs > 0 && !signal.aborted) {
      const timer = setTimeout(enough.resolve, leftMs);
      signal.addEventListener("abort", () => enough.resolve(), { once: true });
      await Promise.race([this.#gone.promise, enough.promise]).finally(() => clearTimeout(timer));
    }
    return this.#isGone ? null : new Date(this.#askedMs).toISOString();
  }

  get busy(): boolean {
    return this.#waiting !== null;
  }

  tell(message: ToPlugin): void {
    if (this.#over === null) this.#worker.postMessage(message);
  }

  /**
   * Asks, and waits for the answer. One question at a time.
   * @throws PluginFault in words: what the plugin threw, or why its thread ended
   */
  ask(message: ToPlugin): Promise<Reply> {
    if (this.#over !== null) return Promise.reject(new PluginFault(this.#over));
    if (message.type === "collect") this.#beginRound();
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#waiting = { resolve, reject };
    this.#askedMs = Date.now();
    this.tell(message);
    return promise;
  }

  /** As `ask`; the thread is ended when no answer comes in time. */
  async askWithin(message: ToPlugin, deadlineMs: number): Promise<Reply> {
    const timer = setTimeout(() => this.end(`no answer within ${deadlineMs / 1000} s`), deadlineMs);
    return this.ask(message).finally(() => clearTimeout(timer));
  }

  /** Ends it, whatever it is doing, an endless loop included; but not a system call that does not return. */
  end(why: string, stack: string | null = null): void {
    if (this.#over !== null) return;
    this.#over = why;
    this.#endedMs = performance.now();
    this.#worker.terminate();
    this.#beginRound();
    if (this.#waiting !== null) this.#waiting.reject(new PluginFault(why, stack));
    else if (why !== CLOSED) {
      this.#fell = why;
      this.falls.say(this.name, why, stack);
    }
    this.#waiting = null;
  }

  #beginRound(): void {
    const left = this.#lines - BOUNDS.lines;
    if (left > 0) this.log.warn(`${this.name}: ${left} more log lines were left out`);
    this.#lines = 0;
    this.#messages = 0;
  }

  #receive(data: unknown): void {
    // What was under way when it ended.
    if (this.#over !== null) return;
    const isFlood = ++this.#messages > BOUNDS.messages;
    const message = isFlood ? null : readMessage(data);
    if (isFlood) this.end(`it sent more than ${BOUNDS.messages} messages between two collections`);
    else if (message === null) this.end("it sent a message that is none: postMessage() is the agent's own here");
    else if (message.type === "fault") this.end(`something in it threw: ${message.message}`, message.stack);
    else if (message.type === "log") this.#logLine(message);
    else this.#answer(message);
  }

  #answer(message: Reply): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (message.type === "threw") waiting?.reject(new PluginFault(message.message, message.stack));
    else waiting?.resolve(message);
  }

  #logLine({ level, message, fields }: Extract<FromPlugin, { type: "log" }>): void {
    if (++this.#lines <= BOUNDS.lines) this.log[level](`${this.name}: ${quoted(message)}`, fields);
  }
}

/** An error as Bun prints it: lines of code, perhaps, then `TypeError: what`. */
function messageIn(text: string): string {
  return /^(?:error|\w*Error): (.*)$/m.exec(text)?.[1] ?? text;
}
