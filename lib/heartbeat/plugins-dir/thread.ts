// A plugin from plugins_dir, seen from the main thread: it lives in a thread of its own, which is ended when it hangs or
// falls over, and started anew at the next collection, once the old one is gone: there is never more than one of them.
// An endless loop in it can therefore not stop the agent, nor a system call that does not return fill the host.

import { basename } from "node:path";
import { errorText } from "../../core/failure.ts";
import { type Finding, findingText } from "../../core/finding.ts";
import type { Log } from "../../runtime/log/log.ts";
import { allOf, PluginFault } from "../collect/plugin-fault.ts";
import { type Broken, type Plugin, type PluginContext, Tidied } from "../plugin.ts";
import { CLOSED, Falls, PluginLink } from "./link.ts";
import type { ToPlugin } from "./messages.ts";

/** After its deadline a plugin may still put an end to it by itself for so long, milliseconds. */
const GRACE_MS = 250;

export interface ThreadOptions {
  path: string;
  log: Log;
  /** How long loading, and initialising at a restart, may take, milliseconds. */
  deadlineMs: number;
  /** Looked at before each start of the thread. @returns why the file may not be run, or null */
  refuse: (path: string) => Finding | null;
}

export class ThreadPlugin implements Plugin {
  skipReason: string | null = null;
  readonly name: string;
  readonly timeoutS?: number;
  #context: PluginContext | null = null;

  private constructor(
    private readonly options: ThreadOptions,
    private readonly falls: Falls,
    /** The newest thread, also where it is over. */
    private link: PluginLink,
    { name, timeoutS }: Loaded,
  ) {
    this.name = name;
    if (timeoutS !== null) this.timeoutS = timeoutS;
  }

  /** Starts the thread and loads the file. Never throws. @param signal ends it while it loads */
  static async load(options: ThreadOptions, signal: AbortSignal): Promise<ThreadPlugin | Broken> {
    const { path, log, refuse } = options;
    const refusal = refuse(path);
    if (refusal !== null) return { why: refusal.what, fix: refusal.fix };
    const falls = new Falls(log);
    const link = new PluginLink(basename(path), log, falls);
    const loaded = await loadInto(link, options, signal);
    return "why" in loaded ? loaded : new ThreadPlugin(options, falls, link, loaded);
  }

  async initialise(context: PluginContext): Promise<boolean> {
    this.#context = context;
    const reply = await this.link.ask({ type: "initialise", context: plain(context) });
    if (reply.type !== "initialised") return false;
    this.skipReason = reply.skipReason;
    return reply.yes;
  }

  /** @throws PluginFault in words */
  async collect(signal: AbortSignal): Promise<Tidied> {
    const fall = this.link.takeFall();
    if (fall === null) {
      if (this.link.over === null) this.falls.forget();
      return this.#collect(signal);
    }
    const fell = `it fell over since the last collection: ${fall}`;
    try {
      const { observations, problem } = await this.#collect(signal);
      return new Tidied(observations, allOf([fell, problem]));
    } catch (error) {
      throw new PluginFault(
        allOf([fell, errorText(error)]) ?? fell,
        error instanceof PluginFault ? error.pluginStack : null,
      );
    }
  }

  async #collect(signal: AbortSignal): Promise<Tidied> {
    if (this.link.over !== null) await this.#restart(signal);
    signal.throwIfAborted();
    const { link } = this;
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

  /** @param signal aborts when it has had its time: the thread is ended then */
  async close(signal?: AbortSignal): Promise<void> {
    const { link } = this;
    // One that hangs has no ear for it.
    if (link.over !== null || link.busy) return link.end(CLOSED);
    const stop = (): void => link.end(CLOSED);
    signal?.addEventListener("abort", stop);
    try {
      await link.ask({ type: "close" });
    } finally {
      signal?.removeEventListener("abort", stop);
      link.end(CLOSED);
    }
  }

  /** @throws PluginFault in words; no thread is left then, unless it cannot be ended */
  async #restart(signal: AbortSignal): Promise<void> {
    const since = await this.link.stuckSince(signal);
    // One more each time would fill the host with threads, in silence.
    if (since !== null) throw new PluginFault(blocked(since));
    const { path, log, refuse } = this.options;
    const refusal = refuse(path);
    if (refusal !== null) throw new PluginFault(findingText(refusal));
    const link = new PluginLink(this.name, log, this.falls);
    // From now on: it may block as well, while it loads.
    this.link = link;
    const loaded = await loadInto(link, this.options, signal);
    if ("why" in loaded) throw new PluginFault(loaded.why);
    try {
      if (loaded.name !== this.name) throw new PluginFault(`${path} is now named ${loaded.name}: restart the agent`);
      await this.#initialiseAgain(link, signal);
    } catch (error) {
      link.end(CLOSED);
      throw error;
    }
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

function blocked(since: string): string {
  // Nobody can see which: a loop of hardly anything but system calls takes seconds to end, too.
  return `it seems blocked in a system call that does not return, since ${since}: it is not started again until it does`;
}

interface Loaded {
  name: string;
  timeoutS: number | null;
}

/** @returns what it is, or why it is nothing: its thread is ended then */
async function loadInto(
  link: PluginLink,
  { path, deadlineMs }: ThreadOptions,
  signal: AbortSignal,
): Promise<Loaded | Broken> {
  try {
    const reply = await endedBy(signal, link, () => link.askWithin({ type: "load", path }, deadlineMs));
    if (reply.type === "loaded") {
      link.name = reply.name;
      return reply;
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
