// The processes of the machine and of a cgroup, from /proc and cgroupfs. Of a process it reads stat and status alone:
// arguments and environment carry secrets, so /proc/<pid>/cmdline and environ are never opened. `root` is "/" or a fixture host.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import {
  type ProcessStat,
  type ProcessStatus,
  parsePasswd,
  parseStat,
  parseStatus,
} from "../../core/linux/process-text.ts";
import { isUnreadable, type Reading } from "../../core/reading.ts";
import { readParsed, readText } from "./proc.ts";

export interface ProcessTable {
  processes: ProcessStat[];
  /** Listed, and over before they could be read, or not to be read by us (proc(5), hidepid=1). */
  unread: number;
  /** `own`: the kernel hides the processes of others (hidepid=2, systemd's ProtectProc=invisible). */
  sees: "all" | "own";
  /** Time was up before the last one. */
  cutShort: boolean;
}

/** Every process that we may see, as /proc lists them, until `isLate`. */
export function readProcessTable(root: string, isLate: () => boolean): Reading<ProcessTable> {
  const names = list(join(root, "proc"));
  if (isUnreadable(names)) return names;
  const pids = names.filter((name) => /^\d+$/.test(name));
  // Process 1 always exists: who does not see it sees no stranger.
  const table: ProcessTable = {
    processes: [],
    unread: 0,
    sees: pids.includes("1") ? "all" : "own",
    cutShort: false,
  };
  for (const pid of pids) {
    table.cutShort = isLate();
    if (table.cutShort) break;
    const stat = readStat(root, pid);
    if (isUnreadable(stat)) table.unread++;
    else table.processes.push(stat);
  }
  return table;
}

/** What /proc/<pid>/stat says. */
export function readStat(root: string, pid: number | string): Reading<ProcessStat> {
  return readParsed(root, `proc/${pid}/stat`, parseStat);
}

/** The user and the memory of one process. */
export function readStatus(root: string, pid: number): Reading<ProcessStatus> {
  return readParsed(root, `proc/${pid}/status`, parseStatus);
}

/** User names by number, from /etc/passwd alone: a directory service could make us wait. */
export function readUserNames(root: string): Map<number, string> {
  return parsePasswd(orElse(readText(root, "etc/passwd"), ""));
}

/** Where cgroup version 2 is mounted: alone, beside version 1 (a hybrid host), or not at all (systemd's own tree). */
const TREES = ["sys/fs/cgroup", "sys/fs/cgroup/unified", "sys/fs/cgroup/systemd"];

/** Groups below one that are looked into. */
const GROUPS_MAX = 200;

export interface Cgroup {
  /** Below `root`, such as `sys/fs/cgroup/system.slice/x.service`. */
  directory: string;
  /** Its processes and those of the groups below it. */
  pids: number[];
}

/**
 * Finds a cgroup.
 * @param path as the `0::` line of /proc/<pid>/cgroup has it
 * @returns unreadable: ENOENT when there is none of that name (it ends with its last process)
 */
export function readCgroup(root: string, path: string): Reading<Cgroup> {
  if (!path.startsWith("/") || path.split("/").includes("..")) return { unreadable: "not a path of this cgroup tree" };
  let failure = "ENOENT";
  for (const tree of TREES) {
    const directory = join(tree, path);
    const pids = readParsed(root, join(directory, "cgroup.procs"), parsePids);
    if (!isUnreadable(pids)) return { directory, pids: [...pids, ...pidsBelow(root, directory)] };
    if (pids.unreadable !== "ENOENT") failure = pids.unreadable;
  }
  return { unreadable: failure };
}

function pidsBelow(root: string, directory: string): number[] {
  const found: number[] = [];
  const groups = subgroups(root, directory);
  for (let index = 0; index < Math.min(groups.length, GROUPS_MAX); index++) {
    const group = groups[index] ?? "";
    found.push(...orElse(readParsed(root, join(group, "cgroup.procs"), parsePids), []));
    groups.push(...subgroups(root, group));
  }
  return found;
}

function subgroups(root: string, directory: string): string[] {
  try {
    const entries = readdirSync(join(root, directory), { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name));
  } catch {
    return []; // gone in the meantime
  }
}

/** A process of another pid namespace stands there as 0. */
function parsePids(text: string): number[] {
  return text
    .split("\n")
    .map(Number)
    .filter((pid) => pid > 0);
}

function list(directory: string): Reading<string[]> {
  try {
    return readdirSync(directory);
  } catch (error) {
    return { unreadable: errorCode(error) ?? "error" };
  }
}

function orElse<T>(reading: Reading<T>, otherwise: T): T {
  return isUnreadable(reading) ? otherwise : reading;
}
