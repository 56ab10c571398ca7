// A plugin's failure in words. Its stack is what the plugin threw: where the agent itself ended a thread there is none, and
// the agent's own stack would only lead astray.

import { errorText } from "../../core/failure.ts";

export class PluginFault extends Error {
  override name = "PluginFault";
  /** @param pluginStack as the plugin threw it, null where nothing was thrown */
  constructor(
    message: string,
    readonly pluginStack: string | null = null,
  ) {
    super(message);
  }
}

/** The stack of what a plugin threw, as a field of a log line; no field where there is none. */
export function stackField(error: unknown): { stack?: string } {
  const stack = error instanceof PluginFault ? error.pluginStack : error instanceof Error ? error.stack : null;
  return typeof stack === "string" && stack !== "" ? { stack } : {};
}

/** Frames of ours that call the plugin's code; as the compiled executable says them, and from source. */
const OURS = /^\s+at .*\blib\/heartbeat\/(collect\/observations|plugins-dir\/(worker|shape))\.ts:/;

/** A stack without its end, the frames of the thread that called the plugin. Pure. */
function ownFrames(stack: string): string {
  const lines = stack.split("\n");
  const end = lines.findIndex((line) => OURS.test(line));
  return (end < 0 ? lines : lines.slice(0, end)).join("\n");
}

/** Whatever was thrown, as it can be said to another thread. Never throws, not even for what cannot be shown. */
export function describeThrown(error: unknown): { message: string; stack: string | null } {
  try {
    const stack = error instanceof Error && typeof error.stack === "string" ? ownFrames(error.stack) : null;
    return { message: messageOf(error), stack };
  } catch {
    return { message: "it threw something that cannot be shown", stack: null };
  }
}

/** What is no error but has a message counts as one. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error) && typeof error === "object" && error !== null && "message" in error) {
    return String(error.message);
  }
  return String(errorText(error));
}

/** Several problems as one; null when there is none. */
export function allOf(problems: readonly (string | null)[]): string | null {
  const real = problems.filter((problem) => problem !== null);
  return real.length === 0 ? null : real.join("; ");
}
