// Where the way to a file ends for this process, and who may go on: names and modes, for whoever has to change them.

import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { readUserNames } from "../process/process-table.ts";

export interface Access {
  /** The file, or the directory on the way to it that stops us. */
  path: string;
  isDirectory: boolean;
  /** By name where they have one. */
  owner: string;
  group: string;
  /** Permission bits, as chmod takes them: `0640`. */
  mode: string;
  /** Us. */
  user: string;
  ownGroup: string;
}

/** Null where nothing on the way can be looked at. Where a directory is missing it is the last one that is there. */
export function accessTo(path: string): Access | null {
  for (const at of [...parentsOf(path).reverse(), path]) {
    const isLast = at === path;
    if (isLast || !mayEnter(at) || !isThere(nextOf(at, path))) return describe(at);
  }
  return null;
}

function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let at = dirname(path); !parents.includes(at); at = dirname(at)) parents.push(at);
  return parents;
}

function nextOf(parent: string, path: string): string {
  const from = parent === "/" ? 1 : parent.length + 1;
  const end = path.indexOf("/", from);
  return end < 0 ? path : path.slice(0, end);
}

function mayEnter(directory: string): boolean {
  try {
    accessSync(directory, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function describe(path: string): Access | null {
  try {
    const stats = statSync(path);
    const users = readUserNames("/");
    const groups = groupNames();
    const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
    return {
      path,
      isDirectory: stats.isDirectory(),
      owner: users.get(stats.uid) ?? String(stats.uid),
      group: groups.get(stats.gid) ?? String(stats.gid),
      mode: (stats.mode & 0o7777).toString(8).padStart(4, "0"),
      user: users.get(uid) ?? String(uid),
      ownGroup: groups.get(gid) ?? String(gid),
    };
  } catch {
    // It went away, or a directory above it is closed: what the first look said stays true.
    return null;
  }
}

/** What every user of this machine may do with a file; null: it is not to be seen. */
export function othersMay(path: string): { mode: string; read: boolean; write: boolean } | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  const { mode } = stats;
  return {
    mode: (mode & 0o7777).toString(8).padStart(4, "0"),
    read: (mode & 0o004) !== 0,
    write: (mode & 0o002) !== 0,
  };
}

/** From /etc/group alone: a directory service could make us wait. */
function groupNames(): Map<number, string> {
  try {
    const rows = readFileSync("/etc/group", "utf8")
      .split("\n")
      .map((row) => row.split(":"));
    return new Map(rows.flatMap(([name = "", , gid = ""]) => (/^\d+$/.test(gid) ? [[Number(gid), name]] : [])));
  } catch {
    return new Map();
  }
}
