// One instance: flock(2) on the data root itself, so that two daemons with different run directories cannot share
// their data, and a pid file in the run directory for whoever wants to know who holds it.

import { closeSync, constants, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { EXIT } from "../../core/exit.ts";
import { errorText, UserError } from "../../core/failure.ts";
import { type Finding, here, inWords } from "../../core/finding.ts";
import { isUnreadable } from "../../core/reading.ts";
import { quoted } from "../../core/text/fields.ts";
import { tryLock } from "../file-calls.ts";
import { unitOf } from "../process/own-unit.ts";
import { readText } from "../process/proc.ts";
import { makeDirsNow } from "./owner.ts";
import { replaceRunFile } from "./run-file.ts";
import { readSmallFile } from "./sync-files.ts";

/** Where a daemon's lock and pid file are. */
export interface Instance {
  tool: string;
  dataRoot: string;
  runDir: string;
}

export interface Lock {
  /** Tries to take it; then it is held for the life of this process, however that ends. */
  take(): boolean;
}

/**
 * Opens the data root for locking.
 * @throws UserError when a directory cannot be used
 */
export function openLock(instance: Instance): Lock {
  const fd = openRoot(instance);
  return { take: () => tryLock(fd) };
}

/**
 * Whether nobody holds the lock, without keeping it.
 * @throws UserError when the data root cannot be used
 */
export function isFree(instance: Instance): boolean {
  const fd = openRoot(instance);
  try {
    return tryLock(fd);
  } finally {
    closeSync(fd);
  }
}

function openRoot({ dataRoot }: Instance): number {
  try {
    // O_CLOEXEC is Bun's default: a child never keeps the lock alive.
    return openSync(dataRoot, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw new UserError(
      `cannot use ${dataRoot}: ${quoted(errorText(error))}`,
      "check that it exists and belongs to the service's user",
      EXIT.undelivered,
    );
  }
}

/**
 * Writes down who holds the lock, and how long it may take to stop, for whoever waits for that.
 * @returns why it could not be written, or null: the lock is what counts
 */
export function writePid({ runDir }: Instance, stopS: number): Finding | null {
  try {
    replaceRunFile(join(runDir, "pid"), `${process.pid}\n`);
    replaceRunFile(join(runDir, "stop-budget"), `${stopS}\n`);
    return null;
  } catch (error) {
    return {
      what: `cannot write the pid file into ${runDir}: ${quoted(errorText(error))}`,
      fix: inWords("make room there, and let this service's user write"),
    };
  }
}

/** The stop budget of the one that holds the lock, seconds, as far as it is known. */
export function holdersBudgetS({ runDir }: Instance): number | null {
  const file = readSmallFile(join(runDir, "stop-budget"), 64);
  const seconds = file === null || isUnreadable(file) ? Number.NaN : Number.parseFloat(file.text);
  return seconds >= 0 && seconds <= 86_400 ? seconds : null;
}

/**
 * Makes the run directory. For the daemon alone: made by another user it would be of no use to it.
 * @throws UserError when it cannot be made
 */
export function makeRunDir({ runDir }: Instance): void {
  try {
    makeDirsNow(runDir, 0o755);
  } catch (error) {
    throw new UserError(
      `cannot use ${runDir}: ${quoted(errorText(error))}`,
      "give it to the service's user",
      EXIT.undelivered,
    );
  }
}

/**
 * Locks a data root for the life of this process.
 * @throws UserError when another process holds it or a directory cannot be used
 */
export function lockDataRoot(tool: string, dataRoot: string, runDir: string): void {
  const instance = { tool, dataRoot, runDir };
  makeRunDir(instance);
  if (!openLock(instance).take()) throw heldBy(instance, lockHolder(instance));
  writePid(instance, 0);
}

/** What to say when another process is at work. */
export function heldBy({ tool, dataRoot }: Instance, pid: number | null): UserError {
  const unit = pid === null ? null : unitOf(pid);
  const stop = unit === null ? [tool, "stop"] : ["sudo", "systemctl", "stop", unit];
  return new UserError(
    `another ${tool} is at work on ${dataRoot}${pid === null ? "" : ` (pid ${pid})`}`,
    {
      text: "leave it at that: one does the work; to have this one instead, stop the other first",
      commands: [here(...stop)],
    },
    // No fault of the configuration: systemd tries again, and finds it free.
    EXIT.undelivered,
  );
}

/**
 * The process that holds the lock, without trying to take it; null if there is none or nobody knows. The kernel's own list
 * (/proc/locks) is asked first; where its inode numbers are not those of stat(2), as on overlays, the pid file.
 */
export function lockHolder({ tool, dataRoot, runDir }: Instance, root = "/"): number | null {
  const stats = statSync(dataRoot, { throwIfNoEntry: false });
  const locks = readText(root, "proc/locks");
  const fromKernel = stats === undefined || isUnreadable(locks) ? null : holderOf(locks, stats.ino, stats.dev);
  if (fromKernel !== null) return fromKernel;
  const pid = notedPid({ runDir });
  if (pid === null) return null;
  // A pid is used again: it must still be one of us, and not a corpse that nobody has collected.
  const stat = readText(root, `proc/${pid}/stat`);
  const [, name = "", state = ""] = isUnreadable(stat) ? [] : (/^\d+ \((.*)\) (\S)/s.exec(stat) ?? []);
  return [tool, "bun", "bun.exe"].includes(name) && !"ZX".includes(state) ? pid : null;
}

/** Who wrote down last that it has the lock, be it there or not; null: nobody, or nobody can tell. See `writePid`. */
export function notedPid({ runDir }: Pick<Instance, "runDir">): number | null {
  const file = readSmallFile(join(runDir, "pid"), 64);
  const pid = file === null || isUnreadable(file) ? 0 : Number.parseInt(file.text, 10);
  return pid > 0 ? pid : null;
}

/**
 * The pid with the only exclusive flock on an inode, from the text of /proc/locks (proc(5)); else null. Pure.
 * @param dev the device, as stat(2) gives it. Where file systems show another one there (btrfs, overlays), nobody is named
 */
export function holderOf(locks: string, inode: number, dev: number): number | null {
  const line = /^\d+: FLOCK +ADVISORY +WRITE (\d+) ([0-9a-f]+:[0-9a-f]+):(\d+) /gm;
  const device = deviceName(dev);
  const pids = [...locks.matchAll(line)]
    .filter(([, , where, number]) => Number(number) === inode && where === device)
    .map(([, pid]) => Number(pid));
  // A holder outside our pid namespace is shown as 0.
  return pids.length === 1 && pids[0] !== undefined && pids[0] > 0 ? pids[0] : null;
}

/** `08:01`: major and minor number in hex, as the kernel writes them there (makedev(3)). */
function deviceName(dev: number): string {
  const big = BigInt(dev);
  const major = ((big >> 8n) & 0xfffn) | ((big >> 32n) & ~0xfffn);
  const minor = (big & 0xffn) | ((big >> 12n) & ~0xffn);
  return [major, minor].map((part) => part.toString(16).padStart(2, "0")).join(":");
}
