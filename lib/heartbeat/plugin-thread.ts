// A plugin from plugins_dir, seen from the main thread: it lives in a thread of its own, which is ended when it hangs or
// falls over, and started anew at the next collection. An endless loop in it can therefore not stop the agent.

import { quoted } from "../core/fields.ts";
import { threadUrl } from "../os/thread.ts";
import type { Log } from "../runtime/log.ts";
import type { Observation, Plugin, PluginContext } from "./plugin.ts";
import type { FromPlugin, ToPlugin } from "./plugin-worker.ts";

/** After its deadline a plugin may still put an end to it by itself for so long, milliseconds. */
const GRACE_MS = 250;
/** Everything that a plugin may see of the agent's environment: no credential, no notify socket. */
const ENV = ["PATH", "HOME", "TZ", "LANG"];

export interface ThreadOptions {
  path: string;
  log: Log;
  /** How long loading, initialising at a restart, and closing may take, milliseconds. */
  deadlineMs: number;
  /** Looked at before each start of the thread. @returns why the file may not be run, or null */
  refuse: (path: string) => string | null;
}

/** Why a file is no plugin: a sentence for the operator. */
export interface Broken {
  why: string;
}

type Reply = Exclude<FromPlugin, { type: "log" | "fault" }>;

/** One thread; all that can be done to it is to ask and to end it. */
class Thread {
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | null = null;
  #over: string | null = null;
  readonly #worker: Worker;
  name = "";

  constructor(private readonly log: Log) {
    const env = Object.fromEntries(ENV.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
    this.#worker = new Worker(threadUrl("lib/heartbeat/plugin-worker"), { env, smol: true });
    // The plugin's own code can send anything, too: what is none of our messages ends the thread, not the agent.
    this.#worker.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (isFromPlugin(data)) this.#take(data);
      else this.end("it sent a message that is none: postMessage() is the agent's own here");
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.end(`something in it threw: ${/^error: (.*)$/m.exec(event.message)?.[1] ?? event.message}`);
    };
    this.#worker.addEventListener("close", () => this.end("it ended its own thread"));
  }

  get over(): string | null {
    return this.#over;
  }

  get busy(): boolean {
    return this.#waiting !== null;
  }

  tell(message: ToPlugin): void {
    this.#worker.postMessage(message);
  }

  /**
   * Asks, and waits for the answer. One question at a time.
   * @throws Error in words: what the plugin threw, or that its thread ended
   */
  ask(message: ToPlugin): Promise<Reply> {
    if (this.#over !== null) return Promise.reject(new Error(this.#over));
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#waiting = { resolve, reject };
    this.tell(message);
    return promise;
  }

  /** As `ask`; the thread is ended when no answer comes in time. */
  async askWithin(message: ToPlugin, deadlineMs: number): Promise<Reply> {
    const timer = setTimeout(() => this.end(`no answer within ${deadlineMs / 1000} s`), deadlineMs);
    return this.ask(message).finally(() => clearTimeout(timer));
  }

  /** Ends it, whatever it is doing, an endless loop included. */
  end(why: string): void {
    if (this.#over !== null) return;
    this.#over = why;
    this.#worker.terminate();
    if (this.#waiting !== null) this.#waiting.reject(new Error(why));
    else if (why !== CLOSED) this.log.warn(`Plugin ${this.name} fell over: ${quoted(why)}; it is started again`);
    this.#waiting = null;
  }

  #take(message: FromPlugin): void {
    if (message.type === "log") {
      this.log[message.level](`${this.name}: ${quoted(message.message)}`, message.fields);
    } else if (message.type === "fault") {
      this.end(`something in it threw: ${message.message}`);
    } else {
      const waiting = this.#waiting;
      this.#waiting = null;
      if (message.type === "threw") waiting?.reject(thrown(message));
      else waiting?.resolve(message);
    }
  }
}

const CLOSED = "closed";

function isFromPlugin(data: unknown): data is FromPlugin {
  if (typeof data !== "object" || data === null || !("type" in data)) return false;
  if (data.type !== "log") return typeof data.type === "string";
  const level = "level" in data ? data.level : null;
  return (
    "message" in data && typeof data.message === "string" && ["error", "warn", "info", "debug"].includes(String(level))
  );
}

function thrown({ message, stack }: { message: string; stack: string | null }): Error {
  const error = new Error(message);
  error.stack = stack ?? message;
  return error;
}

export class ThreadPlugin implements Plugin {
  skipReason: string | null = null;
  readonly name: string;
  readonly timeoutS?: number;
  #thread: Thread;
  #context: PluginContext | null = null;

  private constructor(
    private readonly options: ThreadOptions,
    thread: Thread,
    { name, timeoutS }: { name: string; timeoutS: number | null },
  ) {
    this.#thread = thread;
    this.name = name;
    if (timeoutS !== null) this.timeoutS = timeoutS;
  }

  /** Starts the thread and loads the file. Never throws. */
  static async load(options: ThreadOptions): Promise<ThreadPlugin | Broken> {
    const started = await startThread(options);
    return "why" in started ? started : new ThreadPlugin(options, started.thread, started);
  }

  async initialise(context: PluginContext): Promise<boolean> {
    this.#context = context;
    const reply = await this.#thread.ask({ type: "initialise", context: plain(context) });
    if (reply.type !== "initialised") return false;
    this.skipReason = reply.skipReason;
    return reply.yes;
  }

  async collect(signal: AbortSignal): Promise<Observation[]> {
    let grace: ReturnType<typeof setTimeout> | undefined;
    const onAbort = (): void => {
      this.#thread.tell({ type: "abort" });
      grace = setTimeout(() => this.#thread.end("it did not stop when it was told to"), GRACE_MS);
    };
    signal.addEventListener("abort", onAbort);
    try {
      if (this.#thread.over !== null) await this.#restart();
      signal.throwIfAborted();
      const reply = await this.#thread.ask({ type: "collect" });
      if (reply.type !== "collected") throw new Error(`its thread answered with ${reply.type}`);
      if (reply.problem === null) return reply.observations;
      return [...reply.observations, { status: "unknown", message: `plugin ${this.name}: ${reply.problem}` }];
    } finally {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(grace);
    }
  }

  async close(): Promise<void> {
    // One that hangs has no ear for it.
    if (this.#thread.over !== null || this.#thread.busy) return this.#thread.end(CLOSED);
    try {
      await this.#thread.askWithin({ type: "close" }, this.options.deadlineMs);
    } finally {
      this.#thread.end(CLOSED);
    }
  }

  async #restart(): Promise<void> {
    const started = await startThread(this.options);
    if ("why" in started) throw new Error(started.why);
    this.#thread = started.thread;
    if (started.name !== this.name) {
      started.thread.end(CLOSED);
      throw new Error(`${this.options.path} is now named ${started.name}: restart the agent`);
    }
    if (this.#context === null) return;
    const message: ToPlugin = { type: "initialise", context: plain(this.#context) };
    const reply = await started.thread.askWithin(message, this.options.deadlineMs);
    if (reply.type !== "initialised" || !reply.yes) {
      started.thread.end(CLOSED);
      throw new Error("it fell over, and does not initialise any more");
    }
  }
}

async function startThread(
  options: ThreadOptions,
): Promise<{ thread: Thread; name: string; timeoutS: number | null } | Broken> {
  const { path, log, deadlineMs } = options;
  const refusal = options.refuse(path);
  if (refusal !== null) return { why: refusal };
  const thread = new Thread(log);
  try {
    const reply = await thread.askWithin({ type: "load", path }, deadlineMs);
    if (reply.type === "loaded") {
      thread.name = reply.name;
      return { thread, name: reply.name, timeoutS: reply.timeoutS };
    }
    thread.end(CLOSED);
    return { why: reply.type === "broken" ? reply.why : `${path}: its thread answered with ${reply.type}` };
  } catch (error) {
    return { why: `${path}: ${error instanceof Error ? error.message : "it cannot be loaded"}` };
  }
}

/** What can be sent to another thread. */
function plain({ intervalS, settings, root }: PluginContext): Omit<PluginContext, "log"> {
  return { intervalS, settings, root };
}
