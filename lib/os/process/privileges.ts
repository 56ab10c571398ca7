// Gives up root for good: before something is written where an unprivileged user rules, since such a user could have put a link
// there, and root would follow it; or to see what that user may do. Decides nothing else.

import { lstatSync, readdirSync, type Stats } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { isUnreadable, type Unreadable } from "../../core/reading.ts";
import { readText } from "./proc.ts";

export interface Identity {
  uid: number;
  gid: number;
}

/**
 * Whose a directory is, if that can be believed: it is a real directory, and root alone can have put it in its place.
 * @returns the owner, or why it proves nothing
 */
export function trustedOwner(path: string): Identity | Unreadable {
  const full = resolve(path);
  try {
    const own = lstatSync(full);
    if (!own.isDirectory()) return { unreadable: `${full} is no directory` };
    for (let at = dirname(full), below = full; at !== below; below = at, at = dirname(at)) {
      if (!isRoots(lstatSync(at))) return { unreadable: `${at} is not root's alone` };
    }
    return { uid: own.uid, gid: own.gid };
  } catch (error) {
    return { unreadable: `${full}: ${errorCode(error) ?? "error"}` };
  }
}

/** Only root can rename or replace an entry of root's in it: in a sticky directory others can make entries, no more. */
function isRoots(stats: Stats): boolean {
  const isSticky = (stats.mode & 0o1000) !== 0;
  return stats.isDirectory() && stats.uid === 0 && (isSticky || (stats.mode & 0o022) === 0);
}

/**
 * Becomes an unprivileged user in all threads, without supplementary groups and without a way back, and proves it.
 * @throws Error when anything of the old rights is left; the caller must not go on then
 */
export function dropPrivileges({ uid, gid }: Identity): void {
  if (uid === 0) throw new Error("root is no unprivileged user");
  change({ uid, gid }, () => process.setgroups?.([]));
  const left = rightsLeft("/", { uid, gid });
  if (left !== null) throw new Error(`privileges are not dropped: ${left}`);
}

/**
 * Becomes a user as a service of theirs is: with the groups that the user has. What may be done then is what that service may do.
 * @param user by number, or by name where nothing is known but that
 * @throws Error of the system; of a name that no user has nothing was changed
 */
export function becomeUser(user: Identity | string): void {
  const ids = typeof user === "string" ? { uid: user, gid: user } : user;
  change(ids, () => {
    try {
      (process as Changing).initgroups?.(ids.uid, ids.gid);
    } catch (error) {
      if (typeof user === "string" || errorCode(error) !== "ERR_UNKNOWN_CREDENTIAL") throw error;
      // A number that no user has is in no group.
      process.setgroups?.([]);
    }
  });
}

/** What its types leave out. */
type Changing = typeof process & { initgroups?: (user: number | string, group: number | string) => void };

function change({ uid, gid }: Record<"uid" | "gid", number | string>, changeGroups: () => void): void {
  const { setgroups, setgid, setuid } = process;
  if (setgroups === undefined || setgid === undefined || setuid === undefined) {
    throw new Error("this platform cannot change users");
  }
  // In this order: after setuid(2) there is no right left to change groups. As root it sets the saved ids too.
  changeGroups();
  setgid.call(process, gid);
  setuid.call(process, uid);
}

/**
 * What a process has beyond an unprivileged identity, by the kernel's word on each of its threads (proc(5)): ids are a
 * matter of threads, and a capability may stay with an id that is not root's.
 * @returns a few words, or null when nothing is left
 */
export function rightsLeft(root: string, { uid, gid }: Identity): string | null {
  let threads: string[];
  try {
    threads = readdirSync(join(root, "proc/self/task"));
  } catch (error) {
    return `/proc/self/task: ${errorCode(error) ?? "error"}`;
  }
  let proven = 0;
  for (const thread of threads) {
    const status = readText(root, `proc/self/task/${thread}/status`);
    // A thread that has ended meanwhile has no rights.
    if (isUnreadable(status) && ["ENOENT", "ESRCH"].includes(status.unreadable)) continue;
    if (isUnreadable(status)) return `thread ${thread}: ${status.unreadable}`;
    const wrong = Object.entries(expected({ uid, gid })).find(([name, value]) => fieldOf(status, name) !== value);
    if (wrong !== undefined) return `thread ${thread} has ${wrong[0]} ${fieldOf(status, wrong[0])}`;
    proven++;
  }
  return proven > 0 ? null : "no thread is shown";
}

const NONE = "0".repeat(16);

/** Ids: real, effective, saved and of the file system. Capabilities: at hand, in use, kept across execve(2). */
function expected({ uid, gid }: Identity): Readonly<Record<string, string>> {
  const four = (id: number): string => `${id}\t${id}\t${id}\t${id}`;
  return { Uid: four(uid), Gid: four(gid), Groups: "", CapPrm: NONE, CapEff: NONE, CapAmb: NONE };
}

/** The value of a line of proc_pid_status(5). */
function fieldOf(status: string, name: string): string {
  const value = new RegExp(`^${name}:[\\t ]*(.*)$`, "m").exec(status)?.[1];
  return value?.trimEnd() ?? "no such line";
}
