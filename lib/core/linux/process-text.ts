// Reads the texts in which the kernel describes a process (proc(5)). Pure. Arguments and environment are no part of it:
// they carry secrets.

/** Clock ticks in a second: USER_HZ, 100 on every architecture that we build for. */
const TICKS_PER_S = 100;

export interface ProcessStat {
  pid: number;
  /** The first 15 bytes of the program's name, or whatever the process has made of it: untrusted. */
  name: string;
  /** R running, S sleeping, D waiting for a device, Z dead and not collected, T stopped, I idle kernel thread. */
  state: string;
  ppid: number;
  /** Time on a CPU since it started, its threads included, seconds. */
  cpuS: number;
  /** When it started, seconds since boot. */
  startedS: number;
}

/** Reads /proc/<pid>/stat; null when it is cut off. */
export function parseStat(text: string): ProcessStat | null {
  // The name may hold anything, blanks, parentheses and line breaks too: it ends at the last parenthesis.
  const [open, close] = [text.indexOf("("), text.lastIndexOf(")")];
  const fields = text.slice(close + 2).split(" ");
  const [state = ""] = fields;
  // Field 3, the state, is fields[0].
  const number = (field: number): number => Number.parseInt(fields[field - 3] ?? "", 10);
  const [pid, ppid] = [Number.parseInt(text, 10), number(4)];
  const cpuS = (number(14) + number(15)) / TICKS_PER_S;
  const startedS = number(22) / TICKS_PER_S;
  // Field 22 is whole only if another follows it.
  const isWhole = open >= 0 && close > open && fields.length > 20;
  if (!isWhole || ![pid, ppid, cpuS, startedS].every(Number.isFinite)) return null;
  return { pid, name: text.slice(open + 1, close), state, ppid, cpuS, startedS };
}

/** Share of one CPU over the life of the process, in percent, as ps(1) counts it; several threads may exceed 100. */
export function cpuPercent(stat: ProcessStat, uptimeS: number): number {
  const livedS = uptimeS - stat.startedS;
  return livedS > 0 ? (100 * stat.cpuS) / livedS : 0;
}

export interface ProcessStatus {
  /** The effective user. */
  uid: number;
  /** Memory in RAM, bytes; 0 for a kernel thread and for a dead process. */
  residentBytes: number;
}

/** Reads /proc/<pid>/status; null when it does not name a user. */
export function parseStatus(text: string): ProcessStatus | null {
  const uid = /^Uid:\t\d+\t(\d+)\t/m.exec(text)?.[1];
  if (uid === undefined) return null;
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? "0";
  return { uid: Number(uid), residentBytes: Number(resident) * 1024 };
}

/** User names by number, from the lines of passwd(5); of two names for one number the first counts, as for ps(1). */
export function parsePasswd(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name = "", , uid = ""] = line.split(":");
    if (/^\d+$/.test(uid) && name !== "" && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}

/** Reads /proc/meminfo and the like, `Name:  123 kB` a line; bytes by name. */
export function parseMeminfo(text: string): Map<string, number> {
  const found = [...text.matchAll(/^(\S+):\s+(\d+) kB$/gm)];
  return new Map(found.map(([, name = "", kilobytes]) => [name, Number(kilobytes) * 1024]));
}

/** A process at its place below its ancestors. */
export interface TreeRow {
  depth: number;
  stat: ProcessStat;
}

/** Processes as a forest, children after and below their parent, each level by pid. Every process appears once. */
export function processForest(processes: readonly ProcessStat[]): TreeRow[] {
  const byPid = new Map(processes.map((stat) => [stat.pid, stat]));
  const sorted = [...byPid.values()].sort((a, b) => a.pid - b.pid);
  const children = Map.groupBy(sorted, ({ ppid }) => ppid);
  const rows: TreeRow[] = [];
  const placed = new Set<number>();
  const place = (top: ProcessStat): void => {
    const waiting: TreeRow[] = [{ depth: 0, stat: top }];
    for (let row = waiting.pop(); row !== undefined; row = waiting.pop()) {
      const { depth, stat } = row;
      if (placed.has(stat.pid)) continue;
      placed.add(stat.pid);
      rows.push(row);
      const below = children.get(stat.pid) ?? [];
      waiting.push(...below.map((child) => ({ depth: depth + 1, stat: child })).reverse());
    }
  };
  for (const stat of sorted) if (!byPid.has(stat.ppid)) place(stat);
  // A pid may be used again while we read; what then looks like a ring of parents is shown all the same.
  for (const stat of sorted) place(stat);
  return rows;
}
