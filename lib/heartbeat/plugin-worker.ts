// The thread of one plugin from plugins_dir: loads the file, and does what the main thread asks. Whatever the file does to
// this thread, an endless loop and process.exit included, happens to this thread alone.

import { readFileSync } from "node:fs";
import { errorText } from "../core/failure.ts";
import type { Fields } from "../core/fields.ts";
import type { LogLevel } from "../runtime/log.ts";
import { tidy } from "./observations.ts";
import type { Observation, Plugin, PluginContext } from "./plugin.ts";
import { describeImportError, loadErrorText } from "./plugin-errors.ts";
import { shapePlugin } from "./plugin-shape.ts";

export type ToPlugin =
  | { type: "load"; path: string }
  | { type: "initialise"; context: Omit<PluginContext, "log"> }
  | { type: "collect" }
  | { type: "abort" }
  | { type: "close" };
export type FromPlugin =
  | { type: "loaded"; name: string; timeoutS: number | null }
  | { type: "broken"; why: string }
  | { type: "initialised"; yes: boolean; skipReason: string | null }
  | { type: "collected"; observations: Observation[]; problem: string | null }
  | { type: "closed" }
  /** The call that was under way threw. */
  | { type: "threw"; message: string; stack: string | null }
  /** Something threw that nobody waited for. */
  | { type: "fault"; message: string }
  | { type: "log"; level: LogLevel; message: string; fields: Fields };

declare const self: Worker;

/** Log lines between two collections; the rest is counted. */
const LOG_LINES = 50;

let plugin: Plugin | null = null;
let collecting: AbortController | null = null;
let lines = 0;

const post = (message: FromPlugin): void => self.postMessage(message);

self.onmessage = async ({ data }: MessageEvent<ToPlugin>): Promise<void> => {
  if (data.type === "load") return load(data.path);
  if (data.type === "abort") return collecting?.abort();
  try {
    if (plugin === null) throw new Error("it is not loaded");
    if (data.type === "initialise") {
      const yes = (await plugin.initialise({ ...data.context, log })) === true;
      post({ type: "initialised", yes, skipReason: typeof plugin.skipReason === "string" ? plugin.skipReason : null });
    } else if (data.type === "collect") {
      await collect(plugin);
    } else {
      await plugin.close?.();
      post({ type: "closed" });
    }
  } catch (error) {
    post({ type: "threw", message: errorText(error), stack: error instanceof Error ? (error.stack ?? null) : null });
  }
};

async function load(path: string): Promise<void> {
  try {
    const module: unknown = await import(path);
    const shaped = shapePlugin(module);
    if (typeof shaped === "string") return post({ type: "broken", why: `${path}: ${shaped}` });
    plugin = shaped;
    post({ type: "loaded", name: shaped.name, timeoutS: shaped.timeoutS ?? null });
  } catch (error) {
    post({ type: "broken", why: loadErrorText(describeImportError(error, path, textOf(path))) });
  }
}

async function collect(from: Plugin): Promise<void> {
  if (lines > LOG_LINES)
    post({ type: "log", level: "warn", message: `${lines - LOG_LINES} lines left out`, fields: {} });
  lines = 0;
  collecting = new AbortController();
  // Made small here: what is too much never leaves this thread.
  post({ type: "collected", ...tidy(await from.collect(collecting.signal)) });
}

function say(level: LogLevel, message: unknown, fields: Fields = {}): void {
  if (++lines > LOG_LINES) return;
  try {
    post({ type: "log", level, message: String(message).slice(0, 2000), fields });
  } catch {
    // Fields that cannot be sent to another thread.
    post({ type: "log", level, message: String(message).slice(0, 2000), fields: {} });
  }
}

const log = {
  error: (message: string, fields?: Fields): void => say("error", message, fields),
  warn: (message: string, fields?: Fields): void => say("warn", message, fields),
  info: (message: string, fields?: Fields): void => say("info", message, fields),
  debug: (message: string, fields?: Fields): void => say("debug", message, fields),
};

/** Standard output is the answer of `heartbeat once`: a plugin that prints shall not write into it. */
for (const [name, level] of Object.entries({
  log: "info",
  info: "info",
  debug: "debug",
  warn: "warn",
  error: "error",
})) {
  Object.defineProperty(console, name, {
    value: (...words: unknown[]) => say(level as LogLevel, words.map(String).join(" ")),
  });
}

Object.defineProperty(process.stdout, "write", {
  value: (text: unknown): boolean => {
    say("info", String(text).trimEnd());
    return true;
  },
});

process.on("uncaughtException", (error: unknown) => post({ type: "fault", message: errorText(error) }));
process.on("unhandledRejection", (error: unknown) => post({ type: "fault", message: errorText(error) }));

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
