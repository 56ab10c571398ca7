// A cgroup of its own for every check (cgroups(7), version 2), where we may make one: it holds also what left the check's
// session, and ends all of it at once. Needs no controller. Where there is none, that is a sentence and never an error.

import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { parseCgroup } from "../../core/linux/cgroup.ts";
import { isUnreadable } from "../../core/reading.ts";
import { readParsed } from "../../os/process/proc.ts";

/** Where version 2 is mounted: alone, or beside version 1 on a hybrid host. */
const MOUNTS = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];
const PREFIX = "check-";

/** Where checks get their cgroups, or why not. */
export type CheckCgroups = { make: () => CheckCgroup | null } | { unavailable: string };

/**
 * Finds out whether we may make cgroups below our own: as root, or where the unit says Delegate=yes. Removes what a run
 * before us left there.
 * @param root "/" or a fixture host
 */
export function openCheckCgroups(root: string): CheckCgroups {
  const path = readParsed(root, "proc/self/cgroup", (text) => parseCgroup(text)?.path ?? null);
  if (isUnreadable(path)) return { unavailable: "this host has no cgroup version 2" };
  const mount = MOUNTS.map((place) => join(root, place)).find((place) => isOurs(join(place, path)));
  if (mount === undefined) return { unavailable: `cgroup version 2 is not mounted, or does not show ${path}` };
  const ours = join(mount, path);
  try {
    removeOld(ours);
    const probe = new CheckCgroup(join(ours, `${PREFIX}${process.pid}-probe`));
    const canKill = readdirSync(probe.directory).includes("cgroup.kill");
    probe.remove();
    if (!canKill) return { unavailable: "the kernel is older than 5.14 and has no cgroup.kill" };
  } catch (error) {
    return { unavailable: `cannot make a cgroup below ${ours}: ${errorCode(error) ?? "error"} (Delegate=yes lets us)` };
  }
  let made = 0;
  return { make: () => tryMake(join(ours, `${PREFIX}${process.pid}-${++made}`)) };
}

/** One check's cgroup. */
export class CheckCgroup {
  /** @throws Error when it cannot be made */
  constructor(readonly directory: string) {
    mkdirSync(directory);
  }

  /** Living processes in it; dead ones that nobody has collected yet are not among them. */
  count(): number {
    return readPids(this.directory);
  }

  /** SIGKILL for all of them, whoever they are and whatever they have become. */
  kill(): void {
    try {
      writeFileSync(join(this.directory, "cgroup.kill"), "1");
    } catch {
      // Gone, or not allowed: count() tells what is left.
    }
  }

  /** Removes it. @returns false while something in it still ends */
  remove(): boolean {
    try {
      removeTree(this.directory);
      return true;
    } catch (error) {
      return errorCode(error) === "ENOENT";
    }
  }
}

function isOurs(directory: string): boolean {
  try {
    return readFileSync(join(directory, "cgroup.procs"), "utf8").split("\n").includes(String(process.pid));
  } catch {
    return false;
  }
}

function tryMake(directory: string): CheckCgroup | null {
  try {
    return new CheckCgroup(directory);
  } catch {
    return null;
  }
}

function readPids(directory: string): number {
  try {
    const here = readFileSync(join(directory, "cgroup.procs"), "utf8").split("\n").length - 1;
    return subgroups(directory).reduce((sum, group) => sum + readPids(group), here);
  } catch {
    return 0; // gone in the meantime
  }
}

/** A check may have made groups below its own: the deepest go first. */
function removeTree(directory: string): void {
  for (const group of subgroups(directory)) removeTree(group);
  rmdirSync(directory);
}

function subgroups(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name));
}

/** Groups of a run of ours that was killed: systemd ends their processes with the unit, without it nobody did. */
function removeOld(ours: string): void {
  for (const group of subgroups(ours)) {
    const pid = new RegExp(`/${PREFIX}(\\d+)-\\w+$`).exec(group)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      writeFileSync(join(group, "cgroup.kill"), "1");
      removeTree(group);
    } catch {
      // Still ending, or not ours: the next start tries again.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
