// Reads single files of /proc and /sys at once and without waiting. What cannot be read is a value too, never an error:
// ends and diagnostics say what is missing. `root` is "/" or a fixture host.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { bootName } from "../../core/linux/boot.ts";
import { isUnreadable, type Reading } from "../../core/reading.ts";

/** The text of a small file. */
export function readText(root: string, path: string): Reading<string> {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch (error) {
    return { unreadable: errorCode(error) ?? "error" };
  }
}

/** `parse` of a file's text; a text that it does not understand (null) is unreadable too. */
export function readParsed<T>(root: string, path: string, parse: (text: string) => T | null): Reading<T> {
  const text = readText(root, path);
  if (isUnreadable(text)) return text;
  return parse(text) ?? { unreadable: "not understood" };
}

/** When a process started, in clock ticks since boot (proc(5), stat field 22): with its pid it names one process. */
export function startTicks(root: string, pid: number): Reading<number> {
  return readParsed(root, `proc/${pid}/stat`, (stat) => {
    // The name may hold anything, blanks and parentheses too: count from the last one.
    const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    return Number.isSafeInteger(ticks) ? ticks : null;
  });
}

/** This boot's name, by which two boots are told apart with `sameBoot`. */
export function bootId(root: string): Reading<string> {
  const kernelId = readParsed(root, "proc/sys/kernel/random/boot_id", (text) => text.trim() || null);
  if (isUnreadable(kernelId)) return kernelId;
  const init = startTicks(root, 1);
  return bootName(kernelId, isUnreadable(init) ? null : init);
}
