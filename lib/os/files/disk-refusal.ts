// Why a directory cannot be used: the facts, asked of the kernel when something was refused. What they mean is decided in
// core/linux/disk-refusal.ts.

import { constants, lstatSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { type Finding, type Fix, here } from "../../core/finding.ts";
import { explainDiskRefusal } from "../../core/linux/disk-refusal.ts";
import { mountOf } from "../../core/linux/mounts.ts";
import { isUnreadable } from "../../core/reading.ts";
import { attributesOf, refusedUse } from "../file-calls.ts";
import { ownService } from "../process/own-unit.ts";
import { readText } from "../process/proc.ts";
import { readUserNames } from "../process/process-table.ts";

/**
 * Why a directory cannot be written to, and what mends it.
 * @param path of the directory; need not be there
 * @param code the errno that was met
 */
export function whyDiskRefuses(path: string, code: string): Finding {
  const full = resolve(path);
  const names = readUserNames("/");
  const nameOf = (uid: number): string => names.get(uid) ?? String(uid);
  const mounts = readText("/", "proc/self/mountinfo");
  const uid = ownerOf(full);
  const attributes = attributesOf(full);
  return explainDiskRefusal({
    path: full,
    code,
    owner: uid === null ? null : nameOf(uid),
    closed: closedAbove(full),
    mount: isUnreadable(mounts) ? null : mountOf(mounts, full),
    service: ownService(),
    me: nameOf(process.geteuid?.() ?? 0),
    isImmutable: attributes.immutable || attributes.appendOnly,
    isOutOfInodes: isOutOfInodes(full),
  });
}

/** Where the file system of a path is mounted. */
export function mountPointOf(path: string): string {
  const mounts = readText("/", "proc/self/mountinfo");
  return (isUnreadable(mounts) ? null : mountOf(mounts, resolve(path)))?.diskPoint ?? "/";
}

/** What mends directories of one data root that lie on different mounts: what is mounted on one of them is taken off. */
export function splitFix(directories: readonly string[]): Fix {
  const points = directories.filter((directory) => attributesOf(directory).isMountPoint);
  return {
    text: "set [paths] data_root to a directory that has nothing mounted below it, or unmount what is mounted below it",
    commands: points.map((point) => here("sudo", "umount", point)),
  };
}

function ownerOf(path: string): number | null {
  try {
    return lstatSync(path).uid;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}

/** The first directory on the way that we may not enter. */
function closedAbove(path: string): string | null {
  const above: string[] = [];
  for (let at = dirname(path); ; at = dirname(at)) {
    above.unshift(at);
    if (at === dirname(at)) break;
  }
  return above.find((directory) => refusedUse(directory, constants.X_OK) === "EACCES") ?? null;
}

/** Whether no file can be made there, whatever room there is in bytes. */
export function isOutOfInodes(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { files, ffree } = statfsSync(at);
      // Some file systems have no such limit, and count none.
      return files > 0 && ffree === 0;
    } catch (error) {
      if (errorCode(error) === null) throw error;
      if (at === dirname(at)) return false;
    }
  }
}
