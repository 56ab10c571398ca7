// Checks as real processes: short ways to run them and to see what they leave behind.

import { onTestFinished } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CheckExit, type CheckOptions, runCheckProcess } from "../../../lib/heartbeat/checks/process.ts";

export const CHECKS = join(import.meta.dir, "../../fixtures/checks");
/** Longer than any test may take: a check that meets it has hung. */
export const NEVER_MS = 60_000;
export const PATH = "/usr/local/bin:/usr/bin:/bin";

/** Runs a shell script as a check. */
export function sh(script: string, options: Partial<CheckOptions> = {}): Promise<CheckExit> {
  return check([script], { shell: true, ...options });
}

export function check(words: string[], options: Partial<CheckOptions> = {}): Promise<CheckExit> {
  return runCheckProcess({ words, timeoutMs: NEVER_MS, graceMs: 5000, env: { PATH }, ...options });
}

export const text = (kept: { bytes: Uint8Array }): string => new TextDecoder().decode(kept.bytes);

/** Gone, or dead and not collected. */
export function isGone(pid: number): boolean {
  try {
    return /^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5);
}

/** Ends a process with the test, should it still be there. */
export function endWithTest(pid: number): void {
  onTestFinished(() => {
    if (pid > 1 && !isGone(pid)) process.kill(pid, "SIGKILL");
  });
}

export const openFiles = (): number => readdirSync("/proc/self/fd").length;

/** Our children that are dead and not collected. */
export function zombies(): number {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, ppid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return state === "Z" && Number(ppid) === process.pid;
    } catch {
      return false;
    }
  }).length;
}
