// Whether what a plugin's file exports is a plugin: an object, or a class or function that gives one.

import type { Plugin } from "../plugin.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function isPluginName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value);
}

/** Seconds that a plugin may ask for. */
export function isTimeout(value: unknown): value is number {
  return typeof value === "number" && value > 0 && value <= 3600;
}

/** @returns the plugin, or in words why it is none; throws what the class or function throws */
export function shapePlugin(module: unknown): Plugin | string {
  const exported = isObject(module) ? module.default : undefined;
  if (exported === undefined) return "it has no default export: export default { name, initialise, collect }";
  const value: unknown = typeof exported === "function" ? make(exported) : exported;
  if (!isObject(value)) return "its default export must be an object, or a class or function that gives one";
  const { name, collect, initialise, close, timeoutS } = value;
  if (!isPluginName(name)) {
    return `name must be 1 to 64 letters, digits, ".", "_" or "-", found ${JSON.stringify(name) ?? "nothing"}`;
  }
  for (const [key, method] of Object.entries({ initialise, collect })) {
    if (typeof method !== "function") return `${key} must be a function, found ${typeof method}`;
  }
  if (close !== undefined && typeof close !== "function") return `close must be a function, found ${typeof close}`;
  if (timeoutS !== undefined && !isTimeout(timeoutS)) {
    return `timeoutS must be more than 0 and at most 3600 seconds, found ${JSON.stringify(timeoutS)}`;
  }
  // All that Plugin asks for has been looked at.
  return value as unknown as Plugin;
}

/** Only a class says `class`; anything else is called. */
function make(exported: object): unknown {
  if (/^class\b/.test(Function.prototype.toString.call(exported))) return Reflect.construct(exported as never, []);
  return Reflect.apply(exported as never, undefined, []);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
