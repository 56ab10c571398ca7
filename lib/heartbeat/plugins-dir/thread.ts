// A plugin from plugins_dir, seen from the main thread: it lives in a thread of its own, which is ended when it hangs or
// falls over, and started anew at the next collection. An endless loop in it can therefore not stop the agent.

import { basename } from "node:path";
import type { Log } from "../../runtime/log.ts";
import { type Broken, type Plugin, type PluginContext, Tidied } from "../plugin.ts";
import { PluginFault } from "../plugin-fault.ts";
import { CLOSED, PluginLink } from "./link.ts";
import type { ToPlugin } from "./messages.ts";

/** After its deadline a plugin may still put an end to it by itself for so long, milliseconds. */
const GRACE_MS = 250;

export interface ThreadOptions {
  path: string;
  log: Log;
  /** How long loading, initialising at a restart, and closing may take, milliseconds. */
  deadlineMs: number;
  /** Looked at before each start of the thread. @returns why the file may not be run, or null */
  refuse: (path: string) => string | null;
}

export class ThreadPlugin implements Plugin {
  skipReason: string | null = null;
  readonly name: string;
  readonly timeoutS?: number;
  #link: PluginLink;
  #context: PluginContext | null = null;

  private constructor(
    private readonly options: ThreadOptions,
    { link, timeoutS }: Started,
  ) {
    this.#link = link;
    this.name = link.name;
    if (timeoutS !== null) this.timeoutS = timeoutS;
  }

  /** Starts the thread and loads the file. Never throws. @param signal ends it while it loads */
  static async load(options: ThreadOptions, signal: AbortSignal): Promise<ThreadPlugin | Broken> {
    const started = await start(options, signal);
    return "why" in started ? started : new ThreadPlugin(options, started);
  }

  async initialise(context: PluginContext): Promise<boolean> {
    this.#context = context;
    const reply = await this.#link.ask({ type: "initialise", context: plain(context) });
    if (reply.type !== "initialised") return false;
    this.skipReason = reply.skipReason;
    return reply.yes;
  }

  async collect(signal: AbortSignal): Promise<Tidied> {
    if (this.#link.over !== null) await this.#restart(signal);
    signal.throwIfAborted();
    const link = this.#link;
    let grace: ReturnType<typeof setTimeout> | undefined;
    const onAbort = (): void => {
      link.tell({ type: "abort" });
      grace = setTimeout(() => link.end("it did not stop when it was told to"), GRACE_MS);
    };
    signal.addEventListener("abort", onAbort);
    try {
      const reply = await link.ask({ type: "collect" });
      if (reply.type !== "collected") throw new PluginFault(`its thread answered with ${reply.type}`);
      return new Tidied(reply.observations, reply.problem);
    } finally {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(grace);
    }
  }

  async close(): Promise<void> {
    // One that hangs has no ear for it.
    if (this.#link.over !== null || this.#link.busy) return this.#link.end(CLOSED);
    try {
      await this.#link.askWithin({ type: "close" }, this.options.deadlineMs);
    } finally {
      this.#link.end(CLOSED);
    }
  }

  /** @throws PluginFault in words; no thread is left then */
  async #restart(signal: AbortSignal): Promise<void> {
    const started = await start(this.options, signal);
    if ("why" in started) throw new PluginFault(started.why);
    const { link } = started;
    try {
      if (link.name !== this.name) {
        throw new PluginFault(`${this.options.path} is now named ${link.name}: restart the agent`);
      }
      await this.#initialiseAgain(link, signal);
    } catch (error) {
      link.end(CLOSED);
      throw error;
    }
    this.#link = link;
  }

  async #initialiseAgain(link: PluginLink, signal: AbortSignal): Promise<void> {
    if (this.#context === null) return;
    const message: ToPlugin = { type: "initialise", context: plain(this.#context) };
    const reply = await endedBy(signal, link, () => link.askWithin(message, this.options.deadlineMs));
    if (reply.type === "initialised" && reply.yes) return;
    const why = reply.type === "initialised" && reply.skipReason !== null ? `: ${reply.skipReason}` : "";
    throw new PluginFault(`it was started again, and its initialise says no now${why}`);
  }
}

interface Started {
  link: PluginLink;
  timeoutS: number | null;
}

async function start({ path, log, deadlineMs, refuse }: ThreadOptions, signal: AbortSignal): Promise<Started | Broken> {
  const refusal = refuse(path);
  if (refusal !== null) return { why: refusal };
  const link = new PluginLink(basename(path), log);
  try {
    const reply = await endedBy(signal, link, () => link.askWithin({ type: "load", path }, deadlineMs));
    if (reply.type === "loaded") {
      link.name = reply.name;
      return { link, timeoutS: reply.timeoutS };
    }
    link.end(CLOSED);
    return { why: reply.type === "broken" ? reply.why : `${path}: its thread answered with ${reply.type}` };
  } catch (error) {
    return { why: `${path}: ${error instanceof Error ? error.message : "it cannot be loaded"}` };
  }
}

/** While `work` is under way, the signal ends the thread at once. */
async function endedBy<T>(signal: AbortSignal, link: PluginLink, work: () => Promise<T>): Promise<T> {
  const stop = (): void => link.end(CLOSED);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  return work().finally(() => signal.removeEventListener("abort", stop));
}

/** What can be sent to another thread. */
function plain({ intervalS, settings, root }: PluginContext): Omit<PluginContext, "log"> {
  return { intervalS, settings, root };
}
