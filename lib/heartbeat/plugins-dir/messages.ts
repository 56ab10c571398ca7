// What the main thread and the thread of a plugin say to each other. The plugin's own code can post there as well, so what
// comes from it is read as anything from outside: of the right types, bounded, or not at all. Pure.

import type { Fields } from "../../core/text/fields.ts";
import type { LogLevel } from "../../runtime/log/log.ts";
import type { PluginContext } from "../plugin.ts";
import { isPluginName, isTimeout } from "./shape.ts";

export type ToPlugin =
  | { type: "load"; path: string }
  | { type: "initialise"; context: Omit<PluginContext, "log"> }
  | { type: "collect" }
  | { type: "abort" }
  | { type: "close" };

/** What was thrown; `stack` is the plugin's own, null where it has none. */
export interface Thrown {
  message: string;
  stack: string | null;
}

export type FromPlugin =
  | { type: "loaded"; name: string; timeoutS: number | null }
  | { type: "broken"; why: string }
  | { type: "initialised"; yes: boolean; skipReason: string | null }
  | { type: "collected"; observations: readonly unknown[]; problem: string | null }
  | { type: "closed" }
  /** The call that was under way threw. */
  | ({ type: "threw" } & Thrown)
  /** Something threw that nobody waited for. */
  | ({ type: "fault" } & Thrown)
  | { type: "log"; level: LogLevel; message: string; fields: Fields };

/** Characters of a message, of a reason, and of a stack. */
export const TEXT_MAX = 2000;
const STACK_MAX = 4000;
const FIELDS_MAX = 16;
const KEY_MAX = 64;
const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];

type Entries = Record<string, unknown>;

/** How each message is read; null: it is none. */
const READERS: { [T in FromPlugin["type"]]: (data: Entries) => Extract<FromPlugin, { type: T }> | null } = {
  loaded: ({ name, timeoutS }) =>
    isPluginName(name) && (timeoutS === null || isTimeout(timeoutS)) ? { type: "loaded", name, timeoutS } : null,
  broken: ({ why }) => (typeof why === "string" ? { type: "broken", why: cut(why) } : null),
  initialised: ({ yes, skipReason }) => ({
    type: "initialised",
    yes: yes === true,
    skipReason: textOrNull(skipReason),
  }),
  collected: ({ observations, problem }) =>
    Array.isArray(observations) ? { type: "collected", observations, problem: textOrNull(problem) } : null,
  closed: () => ({ type: "closed" }),
  threw: (data) => thrown("threw", data),
  fault: (data) => thrown("fault", data),
  log: ({ level, message, fields }) => {
    const known = LEVELS.find((name) => name === level);
    if (known === undefined || typeof message !== "string") return null;
    return { type: "log", level: known, message: cut(message), fields: plainFields(fields) };
  },
};

/** @param data whatever came from the thread; null when it is no message */
export function readMessage(data: unknown): FromPlugin | null {
  if (!isEntries(data) || typeof data.type !== "string" || !Object.hasOwn(READERS, data.type)) return null;
  return READERS[data.type as FromPlugin["type"]](data);
}

/** Fields of a log line as they can be shown: at most 16, and of values that are one. */
export function plainFields(fields: unknown): Fields {
  if (!isEntries(fields)) return {};
  const kept: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(fields).slice(0, FIELDS_MAX)) {
    if (typeof value === "string") kept[key.slice(0, KEY_MAX)] = cut(value);
    else if (typeof value === "number" || typeof value === "boolean") kept[key.slice(0, KEY_MAX)] = value;
  }
  return kept;
}

function thrown<T extends "threw" | "fault">(type: T, { message, stack }: Entries): ({ type: T } & Thrown) | null {
  if (typeof message !== "string") return null;
  return { type, message: cut(message), stack: typeof stack === "string" ? stack.slice(0, STACK_MAX) : null };
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? cut(value) : null;
}

function cut(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX - 1)}…` : text;
}

function isEntries(value: unknown): value is Entries {
  return typeof value === "object" && value !== null;
}
