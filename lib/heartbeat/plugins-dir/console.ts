// What a plugin prints goes to the agent's log: standard output is the answer of `heartbeat once`, and standard error is the
// log itself. Imported in the plugin's thread alone, before its file is.

import { Console } from "node:console";
import { format } from "node:util";
import type { LogLevel } from "../../runtime/log/log.ts";

const LEVELS: Readonly<Record<string, LogLevel>> = {
  log: "info",
  info: "info",
  debug: "debug",
  warn: "warn",
  error: "error",
};
/** What else prints; a class of Node's own brings it into form. */
const OTHERS = [
  ...["dir", "dirxml", "table", "trace", "assert", "count", "countReset", "group", "groupCollapsed", "groupEnd"],
  ...["time", "timeEnd", "timeLog"],
] as const;

/** @param say takes what was printed, without its last line break */
export function redirectOutput(say: (level: LogLevel, text: string) => void): void {
  for (const [name, level] of Object.entries(LEVELS)) {
    replace(console, name, (...words: unknown[]) => say(level, format(...words)));
  }
  const streams = { stdout: fakeStream("info", say), stderr: fakeStream("warn", say) };
  let other: Console | null = null;
  for (const name of OTHERS) {
    replace(console, name, (...words: unknown[]) => {
      // Most plugins never need it.
      other ??= new Console({ ...streams, colorMode: false } as unknown as ConstructorParameters<typeof Console>[0]);
      Reflect.apply(other[name], other, words);
    });
  }
  replace(console, "write", (...parts: unknown[]) => streams.stdout.write(parts.map(String).join("")));
  replace(process.stdout, "write", streams.stdout.write);
  replace(process.stderr, "write", streams.stderr.write);
}

/** As much of a stream as those need who write to it. */
function fakeStream(level: LogLevel, say: (level: LogLevel, text: string) => void) {
  const nothing = (): void => {};
  return {
    write: (chunk: unknown, ...rest: unknown[]): boolean => {
      const text = chunk instanceof Uint8Array ? new TextDecoder().decode(chunk) : String(chunk);
      say(level, text.replace(/\n+$/, ""));
      const done = rest.find((value) => typeof value === "function");
      if (done !== undefined) queueMicrotask(() => (done as (error: null) => void)(null));
      return true;
    },
    ...{ on: nothing, once: nothing, removeListener: nothing, listenerCount: () => 0 },
  };
}

function replace(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
}
