// What the machine says at the moment a daemon is told to stop: who it is, who is around it, what presses on it. Reads a
// dozen small files of /proc, /sys/fs/cgroup and the run directory; starts no process and never throws.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { type CgroupPlace, parseCgroup } from "../../core/linux/cgroup.ts";
import { parsePressure } from "../../core/linux/pressure.ts";
import { signalName } from "../../core/linux/signals.ts";
import { isUnreadable, type Reading } from "../../core/reading.ts";
import { cutBytes } from "../../core/text/utf8.ts";
import { readParsed, readText } from "../../os/process/proc.ts";
import { type FoundMarker, readMarker } from "../markers.ts";
import { maskCommandLine } from "./mask.ts";

/** Longest command line that is shown, bytes. */
const CMDLINE_BYTES = 300;

export interface ProcessFacts {
  name: Reading<string>;
  /** One letter and its word, such as `S (sleeping)`. */
  state: Reading<string>;
  ppid: Reading<number>;
  uid: Reading<number>;
  /** 0: nobody traces it. */
  tracer_pid: Reading<number>;
}

export interface Pressure {
  some_avg10: number;
  full_avg10: number | null;
}

export interface Snapshot {
  /** ISO 8601, by the wall clock. */
  at: string;
  /** By CLOCK_MONOTONIC, microseconds: the journal's __MONOTONIC_TIMESTAMP. */
  monotonic_usec: number;
  signal: string;
  signal_number: number | null;
  /** Who sent it, as fields of the log. */
  sender: Readonly<Record<string, string | number>>;
  pid: number;
  self: ProcessFacts;
  parent_pid: Reading<number>;
  parent: ProcessFacts | null;
  /** Masked, at most 300 bytes. Only the parent's is ever read: command lines carry secrets. */
  parent_cmdline: Reading<string>;
  tracer_name: Reading<string> | null;
  under_systemd: boolean;
  invocation_id: string | null;
  journal_stream: string | null;
  cgroup: Reading<CgroupPlace>;
  /** 1, 5 and 15 minutes. */
  loadavg: Reading<[number, number, number]>;
  pressure: { cpu: Reading<Pressure>; memory: Reading<Pressure>; io: Reading<Pressure> };
  /** Processes of our cgroup that the kernel killed for memory. */
  oom_kills: Reading<number>;
  /** Soft limits, as the kernel writes them. */
  limits: Reading<Record<string, string>>;
  takeover: Reading<FoundMarker> | null;
  planned_stop: Reading<FoundMarker> | null;
}

export interface SnapshotOptions {
  /** Null: no signal, a fault of our own. */
  signal: number | null;
  sender: Readonly<Record<string, string | number>>;
  pid: number;
  env: Readonly<Record<string, string | undefined>>;
  runDir: string;
  now: Date;
  monotonicUsec: bigint;
  /** Where proc/ and sys/ lie: "/", or a fixture host. */
  root?: string;
}

/** Takes the snapshot. */
export function takeSnapshot(options: SnapshotOptions): Snapshot {
  const { signal, sender, pid, env, runDir, now, monotonicUsec, root = "/" } = options;
  const self = processFacts(root, pid);
  const parentPid = self.ppid;
  const parent = isUnreadable(parentPid) ? null : processFacts(root, parentPid);
  const tracer = isUnreadable(self.tracer_pid) || self.tracer_pid === 0 ? null : self.tracer_pid;
  const groups = readText(root, `proc/${pid}/cgroup`);
  const invocationId = env.INVOCATION_ID ?? null;
  return {
    at: now.toISOString(),
    monotonic_usec: Number(monotonicUsec),
    signal: signalName(signal),
    signal_number: signal,
    sender,
    pid,
    self,
    parent_pid: parentPid,
    parent,
    parent_cmdline: isUnreadable(parentPid) ? parentPid : commandLine(root, parentPid),
    tracer_name: tracer === null ? null : processFacts(root, tracer).name,
    under_systemd: invocationId !== null || (parentPid === 1 && parent?.name === "systemd"),
    invocation_id: invocationId,
    journal_stream: env.JOURNAL_STREAM ?? null,
    cgroup: isUnreadable(groups) ? groups : (parseCgroup(groups) ?? { unreadable: "not understood" }),
    loadavg: readParsed(root, "proc/loadavg", parseLoad),
    pressure: {
      cpu: readParsed(root, "proc/pressure/cpu", shortPressure),
      memory: readParsed(root, "proc/pressure/memory", shortPressure),
      io: readParsed(root, "proc/pressure/io", shortPressure),
    },
    oom_kills: oomKillsIn(root, groups),
    limits: readParsed(root, `proc/${pid}/limits`, parseLimits),
    takeover: readMarker(runDir, "takeover", pid, root),
    planned_stop: readMarker(runDir, "planned-stop", pid, root),
  };
}

// Compiled once: a snapshot is taken when there is no time to lose.
const STATUS = {
  name: /^Name:\s*(.*)$/m,
  state: /^State:\s*(.*)$/m,
  ppid: /^PPid:\s*(.*)$/m,
  uid: /^Uid:\s*(\d+)/m,
  tracer: /^TracerPid:\s*(.*)$/m,
};

function processFacts(root: string, pid: number): ProcessFacts {
  const status = readText(root, `proc/${pid}/status`);
  const field = (pattern: RegExp): Reading<string> =>
    isUnreadable(status) ? status : (pattern.exec(status)?.[1] ?? { unreadable: "not there" });
  const number = (pattern: RegExp): Reading<number> => {
    const text = field(pattern);
    return isUnreadable(text) ? text : Number(text);
  };
  return {
    name: field(STATUS.name),
    state: field(STATUS.state),
    ppid: number(STATUS.ppid),
    uid: number(STATUS.uid),
    tracer_pid: number(STATUS.tracer),
  };
}

function commandLine(root: string, pid: number): Reading<string> {
  try {
    const raw = readFileSync(join(root, `proc/${pid}/cmdline`)).subarray(0, 4096);
    // Kernel threads have none.
    if (raw.length === 0) return { unreadable: "empty" };
    const words = raw.toString("utf8").replace(/\0$/, "").split("\0");
    return cutBytes(maskCommandLine(words), CMDLINE_BYTES);
  } catch (error) {
    return { unreadable: errorCode(error) ?? "error" };
  }
}

/** Kills for memory in our own cgroup: version 2 counts them in memory.events, version 1 in memory.oom_control. */
export function oomKills(root: string, pid: number): Reading<number> {
  return oomKillsIn(root, readText(root, `proc/${pid}/cgroup`));
}

/** @param groups the text of /proc/<pid>/cgroup */
function oomKillsIn(root: string, groups: Reading<string>): Reading<number> {
  if (isUnreadable(groups)) return groups;
  const count = (text: string): number | null => {
    const kills = /^oom_kill (\d+)$/m.exec(text)?.[1];
    return kills === undefined ? null : Number(kills);
  };
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1];
  if (v1 !== undefined) return readParsed(root, `sys/fs/cgroup/memory${v1}/memory.oom_control`, count);
  return readParsed(root, `sys/fs/cgroup${parseCgroup(groups)?.path ?? ""}/memory.events`, count);
}

function parseLoad(text: string): [number, number, number] | null {
  const [one, five, fifteen] = text.split(" ").map(Number);
  if (one === undefined || five === undefined || fifteen === undefined) return null;
  return [one, five, fifteen].every(Number.isFinite) ? [one, five, fifteen] : null;
}

function shortPressure(text: string): Pressure | null {
  const stall = parsePressure(text);
  return stall === null ? null : { some_avg10: stall.some.avg10, full_avg10: stall.full?.avg10 ?? null };
}

/** Limits that have killed daemons: descriptors, processes, address space, core size. */
const LIMITS = ["Max open files", "Max processes", "Max address space", "Max core file size"];

function parseLimits(text: string): Record<string, string> | null {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const name = LIMITS.find((limit) => line.startsWith(limit));
    const soft = line.slice(26).trim().split(/\s+/)[0];
    if (name !== undefined && soft) found[name.slice(4).replaceAll(" ", "_")] = soft;
  }
  return Object.keys(found).length > 0 ? found : null;
}
