// How the benchmarks measure: wall and CPU seconds and peak memory, medians over interleaved rounds, Markdown tables.
// Short-lived commands: wait4's figures through GNU time. Daemons: /proc, before and after. Linux only.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Usage {
  /** User and system time. */
  cpuS: number;
  /** See `timed` and `watchDaemon`: the largest process of a command; the sum over a daemon's processes. */
  rssMiB: number;
}

export interface Timed extends Usage {
  wallS: number;
  stdout: string;
}

/**
 * Runs a command to its end. CPU includes every descendant that was waited for (a pipeline's members, say); memory is
 * that of the largest single process among them. GNU time stands between, because a child started straight from Bun
 * inherits Bun's own peak (Linux carries it through vfork and exec).
 */
export async function timed(
  argv: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Timed> {
  const dir = mkdtempSync(join(tmpdir(), "labfleet-time-"));
  const report = join(dir, "time");
  try {
    const start = performance.now();
    const child = Bun.spawn(["/usr/bin/time", "-q", "-o", report, "-f", "%U %S %M", ...argv], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
      stdout: "pipe",
      stderr: "inherit",
    });
    const stdout = await child.stdout.text();
    const code = await child.exited;
    const wallS = (performance.now() - start) / 1000;
    if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}`);
    const [user, system, kib] = readFileSync(report, "utf8").trim().split(" ").map(Number);
    if (user === undefined || system === undefined || kib === undefined) throw new Error("GNU time said nothing");
    return { wallS, stdout, cpuS: user + system, rssMiB: kib / 1024 };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const TICKS = Number(Bun.spawnSync(["getconf", "CLK_TCK"]).stdout.toString());

/** User and system time of a process and of its children already waited for. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the name may hold blanks and brackets
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks / TICKS;
}

function peakMiB(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status has no VmHWM`);
  return Number(kib) / 1024;
}

/** A process and its living descendants. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return [pid, ...(children === "" ? [] : children.split(" ").flatMap((child) => family(Number(child))))];
}

/**
 * Starts the account of a daemon and of the processes it has now; the returned function closes it. Peaks are reset
 * first, so they are those of the measured stretch; pages shared between its processes count once for each.
 */
export function watchDaemon(pid: number): () => Usage {
  const pids = family(pid);
  const cpu = (): number => pids.reduce((sum, each) => sum + cpuSeconds(each), 0);
  for (const each of pids) writeFileSync(`/proc/${each}/clear_refs`, "5");
  const before = cpu();
  return () => ({ cpuS: cpu() - before, rssMiB: pids.reduce((sum, each) => sum + peakMiB(each), 0) });
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new Error("the median of nothing");
  return (lower + upper) / 2;
}

/**
 * Runs every contestant once a round, each round beginning with another one, so that a slow minute of the machine and
 * what the one before leaves behind hit all alike. Dirty pages are written back before each run, outside the measure.
 */
export async function interleave<C extends { name: string }, S>(
  contestants: C[],
  rounds: number,
  run: (contestant: C) => Promise<S>,
): Promise<Map<C, S[]>> {
  const samples = new Map<C, S[]>(contestants.map((contestant) => [contestant, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < contestants.length; i++) {
      const contestant = contestants[(i + round) % contestants.length];
      if (contestant === undefined) continue;
      await Bun.spawn(["sync"]).exited;
      process.stderr.write(`round ${round + 1}/${rounds}: ${contestant.name}\n`);
      samples.get(contestant)?.push(await run(contestant));
    }
  }
  return samples;
}

/** Median, and the range when there is one: "3.1 (2.9-3.4)". */
export function spread(values: number[], digits = 2): string {
  const range =
    values.length > 1 ? ` (${Math.min(...values).toFixed(digits)}-${Math.max(...values).toFixed(digits)})` : "";
  return `${median(values).toFixed(digits)}${range}`;
}

/**
 * How many times as good as the baseline: the median of the ratios of runs in the same round, which the machine's
 * drift spoils less than the ratio of medians. Pass rates, or times with `baseline` and `values` exchanged.
 */
export function ratio(values: number[], baseline: number[]): string {
  return median(values.map((value, round) => value / (baseline[round] ?? Number.NaN))).toFixed(2);
}

export function markdown(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

/** What the figures are taken on; ask at the start: a load average well above 0 then means noisy figures. */
export function machine(): string {
  const cpu = /^model name\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? process.arch;
  const kernel = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
  const cores = navigator.hardwareConcurrency;
  return `${cores} × ${cpu}, Linux ${kernel}, Bun ${Bun.version}, load average ${load} at the start`;
}
