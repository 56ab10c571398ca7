// Whether memory is left, and whether the kernel had to kill for it, from /proc/meminfo and /proc/vmstat.

import { parseMeminfo } from "../../core/linux/process-text.ts";
import { isUnreadable } from "../../core/reading.ts";
import { counted, formatBytes } from "../../core/text/quantity.ts";
import { readParsed } from "../../os/process/proc.ts";
import type { Observation, Plugin } from "../plugin.ts";
import { type Limits, perf, statusOf } from "./thresholds.ts";

const MEMORY_POLICY: Record<"available" | "swap" | "oom", Limits> = {
  available: {
    alert: "below",
    warning: 10,
    critical: 4,
    because: "below that the page cache is gone and all gets slow",
  },
  swap: { alert: "above", warning: 80, critical: null, because: "swap in use is no fault, but it shall not run out" },
  oom: { alert: "above", warning: 0, critical: null, because: "something of ours may be gone, and somebody must look" },
};

/** A kill is told of for so long, seconds: a single heartbeat may be lost, and a person may look later. */
const REMEMBER_S = 3600;

/** @param monotonicS seconds from any start, never backwards */
export function memory(monotonicS: () => number = () => performance.now() / 1000): Plugin {
  let root = "/";
  const kills = new RecentKills(monotonicS);
  return {
    name: "memory",
    initialise: (context) => {
      root = context.root;
      return true;
    },
    collect: () => [memoryOf(root, kills)],
  };
}

function memoryOf(root: string, kills: RecentKills): Observation {
  const meminfo = readParsed(root, "proc/meminfo", parseMeminfo);
  if (isUnreadable(meminfo)) return { status: "unknown", message: `cannot read /proc/meminfo: ${meminfo.unreadable}` };
  const [total, available] = [meminfo.get("MemTotal"), meminfo.get("MemAvailable")];
  if (total === undefined || available === undefined || total === 0) {
    return { status: "unknown", message: "/proc/meminfo does not say how much memory is available" };
  }
  const swapTotal = meminfo.get("SwapTotal") ?? 0;
  const swapUsed = swapTotal - (meminfo.get("SwapFree") ?? 0);
  const total_kills = readParsed(root, "proc/vmstat", parseOomKills);
  const killed = isUnreadable(total_kills) ? null : kills.see(total_kills);
  const perfdata = [
    perf("available", available, "B"),
    perf("available_share", (100 * available) / total, "%", MEMORY_POLICY.available),
    ...(swapTotal > 0 ? [perf("swap_used", (100 * swapUsed) / swapTotal, "%", MEMORY_POLICY.swap)] : []),
    perf("oom_kills", killed, "", MEMORY_POLICY.oom),
  ];
  const parts = [`${formatBytes(available)} of ${formatBytes(total)} available`];
  if (swapTotal > 0) parts.push(`${formatBytes(swapUsed)} of ${formatBytes(swapTotal)} swap used`);
  if (killed !== null && killed > 0) {
    parts.push(`the kernel killed ${counted(killed, "process", "processes")} for lack of memory within the last hour`);
  }
  return { status: statusOf(perfdata), message: parts.join(", "), perfdata };
}

/** Counts what the kernel's counter has moved by within the last hour; what was before the first look does not count. */
class RecentKills {
  #before: number | null = null;
  #seen: { atS: number; kills: number }[] = [];

  constructor(private readonly monotonicS: () => number) {}

  see(counter: number): number {
    const atS = this.monotonicS();
    const kills = this.#before === null ? 0 : Math.max(0, counter - this.#before);
    this.#before = counter;
    if (kills > 0) this.#seen.push({ atS, kills });
    this.#seen = this.#seen.filter((row) => atS - row.atS < REMEMBER_S);
    return this.#seen.reduce((sum, row) => sum + row.kills, 0);
  }
}

/** Kernels before 4.13 do not count. */
function parseOomKills(text: string): number | null {
  const count = /^oom_kill (\d+)$/m.exec(text)?.[1];
  return count === undefined ? null : Number(count);
}
