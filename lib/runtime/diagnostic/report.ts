// What stands in a diagnostic, and in what order. Only reads; says in words what cannot be read, and shows no arguments
// and no environment of any process. Names of processes are untrusted: they cannot forge a line.

import { errorText } from "../../core/failure.ts";
import { cpuPercent, type ProcessStat, parseMeminfo, processForest } from "../../core/linux/process-text.ts";
import { isUnreadable, type Reading } from "../../core/reading.ts";
import { printable } from "../../core/text/printable.ts";
import { formatBytes, formatSeconds } from "../../core/text/quantity.ts";
import { readKernelLog } from "../../os/process/kernel-log.ts";
import { readParsed, readText } from "../../os/process/proc.ts";
import {
  type Cgroup,
  type ProcessTable,
  readCgroup,
  readProcessTable,
  readStat,
  readStatus,
  readUserNames,
} from "../../os/process/process-table.ts";

/** What the report is about. Each text may come from anywhere. */
export interface Subject {
  tool: string;
  /** 0: no process in particular. */
  pid: number;
  cause: string;
  /** Its cgroup, as the `0::` line of /proc/<pid>/cgroup has it; null: not known. */
  cgroup: string | null;
}

/** Where and when it is taken, and until when. */
export interface Circumstances {
  root: string;
  now: Date;
  isLate: () => boolean;
}

/** How much is shown at most; together well below the 1 MB that a report may have. */
const TOP_PROCESSES = 60;
const TREE_PROCESSES = 300;
const TREE_DEPTH = 20;
const KERNEL_LINES = 40;
const NAME_CHARACTERS = 64;
const TEXT_CHARACTERS = 1000;

/** What the kernel says before or after a daemon's death: kills, crashes, hangs, storage that fails. */
const KERNEL_WORDS =
  /\boom|killed process|out of memory|segfault|general protection|hung.task|blocked for more than|soft lockup|I\/O error|remounting filesystem read-only/i;

/** The report's text, with its last line `=== end ===`. Never throws. */
export function composeReport(subject: Subject, at: Circumstances): string {
  const { root } = at;
  const uptimeS = readParsed(root, "proc/uptime", (text) => Number.parseFloat(text) || null);
  const memory = readParsed(root, "proc/meminfo", (text) => parseMeminfo(text));
  // Taken in the order in which things go away or run out of time, shown in the order in which they are read.
  const cgroup = subject.cgroup === null ? null : readCgroup(root, subject.cgroup);
  const tree = section("processes of the cgroup", () => treeLines(subject.cgroup, cgroup, root));
  const events = section("memory of the cgroup", () => cgroupMemoryLines(subject.cgroup, cgroup, root));
  const load = section("load, pressure, memory", () => loadLines(root, memory));
  const kernel = section("kernel log", () => kernelLines(at, uptimeS));
  const processes = section("processes by CPU", () => processLines(at, uptimeS, memory));
  const date = section("date", () => dateLines(at, uptimeS));
  const stopped = section("what stopped", () => subjectLines(subject));
  return [date, stopped, processes, tree, load, events, kernel, "=== end ===\n"].join("\n");
}

function section(name: string, lines: () => string[]): string {
  let body: string[];
  try {
    body = lines();
  } catch (error) {
    body = [`this part failed: ${safe(errorText(error), TEXT_CHARACTERS)}`];
  }
  return `${[`--- ${name} ---`, ...body].join("\n")}\n`;
}

function dateLines({ root, now }: Circumstances, uptimeS: Reading<number>): string[] {
  const boot = readParsed(root, "proc/sys/kernel/random/boot_id", (text) => text.trim() || null);
  return [
    now.toISOString(),
    `boot: ${isUnreadable(boot) ? reason(boot.unreadable) : boot}`,
    `up: ${isUnreadable(uptimeS) ? reason(uptimeS.unreadable) : `${formatSeconds(uptimeS)} (${uptimeS} s)`}`,
  ];
}

function subjectLines({ tool, pid, cause }: Subject): string[] {
  return [
    `tool: ${safe(tool, NAME_CHARACTERS)}`,
    `pid: ${pid > 0 ? pid : "none in particular"}`,
    `cause: ${safe(cause, TEXT_CHARACTERS)}`,
  ];
}

function processLines(at: Circumstances, uptimeS: Reading<number>, memory: Reading<Map<string, number>>): string[] {
  const table = readProcessTable(at.root, at.isLate);
  if (isUnreadable(table)) return [`the processes cannot be listed: ${reason(table.unreadable)}`];
  // Without it no share can be told, and seconds on a CPU sort them.
  const upS = isUnreadable(uptimeS) ? null : uptimeS;
  const total = isUnreadable(memory) ? 0 : (memory.get("MemTotal") ?? 0);
  const users = readUserNames(at.root);
  const rows = table.processes
    .map((stat) => ({ stat, cpu: upS === null ? stat.cpuS : cpuPercent(stat, upS) }))
    .sort((a, b) => b.cpu - a.cpu || a.stat.pid - b.stat.pid)
    .slice(0, TOP_PROCESSES)
    .map(({ stat, cpu }) => processRow(at.root, stat, upS === null ? "?" : cpu.toFixed(1), users, total));
  return [...coverageLines(table), "    PID    PPID USER           %CPU  %MEM S NAME", ...rows];
}

function coverageLines(table: ProcessTable): string[] {
  const { processes, unread } = table;
  const lines = [`${processes.length} processes seen; at most ${TOP_PROCESSES} shown, by CPU over each one's life`];
  if (table.sees === "own") lines.push("only our own user's processes are visible: /proc hides the others (hidepid)");
  if (unread > 0) lines.push(`${unread} more could not be read: they ended first, or belong to others (hidepid)`);
  if (table.cutShort) lines.push("cut short: time was up before all were read");
  return lines;
}

function processRow(
  root: string,
  stat: ProcessStat,
  percent: string,
  users: ReadonlyMap<number, string>,
  memoryBytes: number,
): string {
  const status = readStatus(root, stat.pid);
  const known = isUnreadable(status) ? null : status;
  const user = known === null ? "?" : safe(users.get(known.uid) ?? String(known.uid), NAME_CHARACTERS);
  const share = known === null || memoryBytes === 0 ? "?" : ((100 * known.residentBytes) / memoryBytes).toFixed(1);
  const numbers = `${String(stat.pid).padStart(7)} ${String(stat.ppid).padStart(7)} ${user.padEnd(12)}`;
  const shares = `${percent.padStart(6)} ${share.padStart(5)}`;
  return `${numbers} ${shares} ${stat.state} ${safe(stat.name, NAME_CHARACTERS)}`;
}

/** Why nothing can be said of a cgroup, or null. */
function absence(path: string | null, cgroup: Reading<Cgroup> | null): string | null {
  if (path === null || cgroup === null) return "not known: no cgroup was named";
  if (!isUnreadable(cgroup)) return null;
  const name = safe(path, TEXT_CHARACTERS);
  return cgroup.unreadable === "ENOENT" ? `${name} is gone` : `${name}: ${reason(cgroup.unreadable)}`;
}

function treeLines(path: string | null, cgroup: Reading<Cgroup> | null, root: string): string[] {
  const absent = absence(path, cgroup);
  if (absent !== null || cgroup === null || isUnreadable(cgroup)) return [absent ?? ""];
  const { pids } = cgroup;
  const stats = pids.slice(0, TREE_PROCESSES).flatMap((pid) => {
    const stat = readStat(root, pid);
    return isUnreadable(stat) ? [] : [stat];
  });
  const rows = processForest(stats).map(({ depth, stat: { pid, state, name } }) => {
    const mark = root === "/" && pid === process.pid ? "  (takes this report)" : "";
    return `${"  ".repeat(Math.min(depth, TREE_DEPTH))}${pid} ${state} ${safe(name, NAME_CHARACTERS)}${mark}`;
  });
  const lines = [`${safe(path ?? "", TEXT_CHARACTERS)}: ${pids.length} processes`, ...rows];
  if (pids.length > TREE_PROCESSES) lines.push(`and ${pids.length - TREE_PROCESSES} more`);
  return lines;
}

/** By version of the cgroup tree: limits, use, and what happened at the limit. */
const MEMORY_FILES = {
  v2: ["memory.events", "memory.current", "memory.peak", "memory.max"],
  v1: ["memory.oom_control", "memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.limit_in_bytes"],
};

function cgroupMemoryLines(path: string | null, cgroup: Reading<Cgroup> | null, root: string): string[] {
  const v2 = cgroup === null || isUnreadable(cgroup) ? null : cgroup.directory;
  const isOdd = cgroup !== null && isUnreadable(cgroup) && cgroup.unreadable !== "ENOENT";
  const v1 = isOdd ? null : `sys/fs/cgroup/memory${path ?? ""}`;
  for (const [directory, files] of [
    [v2, MEMORY_FILES.v2],
    [v1, MEMORY_FILES.v1],
  ] as const) {
    if (path === null || directory === null || isUnreadable(readText(root, `${directory}/${files[0]}`))) continue;
    return files.map((file) => `${file}: ${oneLine(readText(root, `${directory}/${file}`))}`);
  }
  return [absence(path, cgroup) ?? "not there: the memory of this cgroup is not counted"];
}

function loadLines(root: string, memory: Reading<Map<string, number>>): string[] {
  const lines = [`load: ${oneLine(readText(root, "proc/loadavg"))}`];
  for (const what of ["cpu", "memory", "io"]) {
    lines.push(`pressure of ${what}: ${oneLine(readText(root, `proc/pressure/${what}`))}`);
  }
  if (isUnreadable(memory)) return [...lines, `memory: ${reason(memory.unreadable)}`];
  const of = (name: string): string => formatBytes(memory.get(name) ?? 0);
  lines.push(`memory: ${of("MemAvailable")} available of ${of("MemTotal")}`);
  lines.push(`swap: ${of("SwapFree")} free of ${of("SwapTotal")}`);
  return lines;
}

function kernelLines({ root, isLate }: Circumstances, uptimeS: Reading<number>): string[] {
  const log = readKernelLog(root, KERNEL_WORDS, KERNEL_LINES, isLate);
  if (isUnreadable(log)) {
    const where = log.unreadable === "ENOENT" ? "as in a container, or with PrivateDevices=yes" : "it takes CAP_SYSLOG";
    return [`/dev/kmsg: ${reason(log.unreadable)}; ${where}`];
  }
  const lines = log.lines.map(({ seconds, text }) => {
    const ago = isUnreadable(uptimeS) ? "" : ` (${formatSeconds(Math.max(0, uptimeS - seconds))} ago)`;
    return `[${seconds.toFixed(6)}]${ago} ${safe(text, TEXT_CHARACTERS)}`;
  });
  if (lines.length === 0) lines.push("no line about kills, memory, crashes, hangs or storage");
  if (log.cutShort) lines.push("cut short: time was up before the last record");
  return lines;
}

/** A small file of the kernel's in one line. */
function oneLine(text: Reading<string>): string {
  return isUnreadable(text) ? reason(text.unreadable) : safe(text.trim().replaceAll("\n", ", "), TEXT_CHARACTERS);
}

/** What the errno of something unreadable means, by its name. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "not there",
  EACCES: "not permitted",
  EPERM: "not permitted",
};

function reason(code: string): string {
  const words = REASONS[code];
  return words === undefined ? `cannot be read (${code})` : `${words} (${code})`;
}

function safe(text: string, characters: number): string {
  return printable(text.length > characters ? `${text.slice(0, characters)}…` : text);
}
