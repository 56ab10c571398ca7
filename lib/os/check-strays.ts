// Without a cgroup nothing holds together what a check has started: a process that left its session and closed its outputs
// is known only by its environment. Each run puts a mark of its own there. Such processes are counted and not ended: where
// there are no cgroups, a check may be what starts a service.

import { readdirSync } from "node:fs";
import { isUnreadable, readText } from "./proc.ts";

/** The variable that holds the mark. */
export const STRAY_MARK = "LABFLEET_CHECK";

/** Processes that are looked at in one go: a few milliseconds. */
const AT_ONCE = 200;
/** One that was just killed may still be seen for a moment, milliseconds. */
const DYING_MS = 50;

let runs = 0;

/** A mark that no other run has, of this agent or of another one. */
export function nextMark(): string {
  return `${process.pid}.${Date.now()}.${++runs}`;
}

/**
 * How many processes carry each of these marks. What belongs to another user cannot be seen, nor what has cleared its
 * environment (environ in proc(5)).
 */
export async function countStrays(marks: ReadonlySet<string>): Promise<Map<string, number>> {
  const found: string[] = [];
  const pids = marks.size === 0 ? [] : readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  for (const [index, pid] of pids.entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await Bun.sleep(0);
    if (marks.has(markOf(pid))) found.push(pid);
  }
  if (found.length > 0) await Bun.sleep(DYING_MS);
  const counts = new Map<string, number>();
  for (const mark of found.map(markOf).filter((again) => marks.has(again)))
    counts.set(mark, (counts.get(mark) ?? 0) + 1);
  return counts;
}

/** "" for a process without. */
function markOf(pid: string): string {
  const environ = readText("/", `proc/${pid}/environ`);
  if (isUnreadable(environ)) return "";
  const variable = environ.split("\0").find((text) => text.startsWith(`${STRAY_MARK}=`));
  return variable?.slice(STRAY_MARK.length + 1) ?? "";
}
