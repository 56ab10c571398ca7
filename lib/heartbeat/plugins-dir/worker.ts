// The thread of one plugin from plugins_dir: loads the file, and does what the main thread asks. Whatever the file does to
// this thread, an endless loop and process.exit included, happens to this thread alone.

import { readFileSync } from "node:fs";
import type { Fields } from "../../core/text/fields.ts";
import type { LogLevel } from "../../runtime/log/log.ts";
import { withinBudget } from "../collect/budget.ts";
import { noBoolean } from "../collect/initialise.ts";
import { tidy } from "../collect/observations.ts";
import { allOf, describeThrown } from "../collect/plugin-fault.ts";
import type { Plugin, PluginContext } from "../plugin.ts";
import { redirectOutput } from "./console.ts";
import { describeImportError, loadErrorText } from "./errors.ts";
import { type FromPlugin, plainFields, TEXT_MAX, type ToPlugin } from "./messages.ts";
import { guardProcess } from "./process.ts";
import { shapePlugin } from "./shape.ts";

declare const self: Worker;

/** Log lines between two collections; the rest is counted. */
const LOG_LINES = 50;

let plugin: Plugin | null = null;
let collecting: AbortController | null = null;
let lines = 0;

// Kept before the file can put something else in its place.
const send = self.postMessage.bind(self);
const post = (message: FromPlugin): void => send(message);

self.onmessage = async ({ data }: MessageEvent<ToPlugin>): Promise<void> => {
  if (data.type === "load") return load(data.path);
  if (data.type === "abort") return collecting?.abort();
  try {
    if (plugin === null) throw new Error("it is not loaded");
    if (data.type === "initialise") {
      await initialise(plugin, { ...data.context, log });
    } else if (data.type === "collect") {
      await collect(plugin);
    } else {
      await plugin.close?.();
      post({ type: "closed" });
    }
  } catch (error) {
    post({ type: "threw", ...describeThrown(error) });
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

async function initialise(from: Plugin, context: PluginContext): Promise<void> {
  const yes: unknown = await from.initialise(context);
  if (typeof yes !== "boolean") return post({ type: "threw", message: noBoolean(yes), stack: null });
  post({ type: "initialised", yes, skipReason: typeof from.skipReason === "string" ? from.skipReason : null });
}

async function collect(from: Plugin): Promise<void> {
  if (lines > LOG_LINES) {
    post({ type: "log", level: "warn", message: `${lines - LOG_LINES} lines left out`, fields: {} });
  }
  lines = 0;
  collecting = new AbortController();
  // Made small here: what is too much never leaves this thread.
  const tidied = tidy(await from.collect(collecting.signal));
  const { observations, problem } = withinBudget(tidied.observations);
  post({ type: "collected", observations, problem: allOf([tidied.problem, problem]) });
}

function say(level: LogLevel, message: unknown, fields: unknown = {}): void {
  if (++lines > LOG_LINES) return;
  post({ type: "log", level, message: String(message).slice(0, TEXT_MAX), fields: plainFields(fields) });
}

const log = {
  error: (message: string, fields?: Fields): void => say("error", message, fields),
  warn: (message: string, fields?: Fields): void => say("warn", message, fields),
  info: (message: string, fields?: Fields): void => say("info", message, fields),
  debug: (message: string, fields?: Fields): void => say("debug", message, fields),
};

redirectOutput(say);
guardProcess();

process.on("uncaughtException", (error: unknown) => post({ type: "fault", ...describeThrown(error) }));
process.on("unhandledRejection", (error: unknown) => post({ type: "fault", ...describeThrown(error) }));

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
