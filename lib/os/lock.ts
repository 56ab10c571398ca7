// One instance: flock(2) on the data root itself, so that two daemons with different run directories cannot share
// their data, and a pid file in the run directory for whoever wants to know who holds it.

import { constants, mkdirSync, openSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { tryLock } from "./libc.ts";
import { isUnreadable, readText } from "./proc.ts";

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
export function openLock({ dataRoot, runDir }: Instance): Lock {
  let fd: number;
  try {
    mkdirSync(runDir, { recursive: true, mode: 0o755 });
    // O_CLOEXEC is Bun's default: a child never keeps the lock alive.
    fd = openSync(dataRoot, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw new UserError(
      `cannot use ${dataRoot} and ${runDir}: ${quoted(errorText(error))}`,
      "check that both exist and belong to the service's user",
    );
  }
  return { take: () => tryLock(fd) };
}

/** Writes down who holds the lock. */
export function writePid({ runDir }: Instance): void {
  writeFileSync(join(runDir, "pid"), `${process.pid}\n`, { mode: 0o644 });
}

/**
 * Locks a data root for the life of this process.
 * @throws UserError when another process holds it or a directory cannot be used
 */
export function lockDataRoot(tool: string, dataRoot: string, runDir: string): void {
  const instance = { tool, dataRoot, runDir };
  if (!openLock(instance).take()) throw heldBy(instance, lockHolder(instance));
  writePid(instance);
}

/** What to say when another process is at work. */
export function heldBy({ tool, dataRoot }: Instance, pid: number | null): UserError {
  return new UserError(
    `another ${tool} is at work on ${dataRoot}${pid === null ? "" : ` (pid ${pid})`}`,
    `stop it first, for example: systemctl stop labfleet-${tool}`,
  );
}

/**
 * The process that holds the lock, without trying to take it; null if there is none or nobody knows. The kernel's own list
 * (/proc/locks) is asked first; where its inode numbers are not those of stat(2), as on overlays, the pid file.
 */
export function lockHolder({ tool, dataRoot, runDir }: Instance, root = "/"): number | null {
  const inode = statSync(dataRoot, { throwIfNoEntry: false })?.ino;
  const locks = readText(root, "proc/locks");
  const fromKernel = inode === undefined || isUnreadable(locks) ? null : holderOf(locks, inode);
  if (fromKernel !== null) return fromKernel;
  const text = readText("/", join(runDir, "pid"));
  const pid = isUnreadable(text) ? 0 : Number.parseInt(text, 10);
  if (!(pid > 0)) return null;
  // A pid is used again: it must still be one of us.
  const name = readText(root, `proc/${pid}/comm`);
  return !isUnreadable(name) && [tool, "bun"].includes(name.trim()) ? pid : null;
}

/** The pid with the only exclusive flock on an inode, from the text of /proc/locks (proc(5)); else null. Pure. */
export function holderOf(locks: string, inode: number): number | null {
  const line = /^\d+: FLOCK +ADVISORY +WRITE (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /gm;
  const pids = [...locks.matchAll(line)]
    .filter(([, , number]) => Number(number) === inode)
    .map(([, pid]) => Number(pid));
  // Inodes of two file systems may share a number; a holder outside our pid namespace is shown as 0.
  return pids.length === 1 && pids[0] !== undefined && pids[0] > 0 ? pids[0] : null;
}
