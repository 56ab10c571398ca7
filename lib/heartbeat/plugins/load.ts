// How busy the host is: the load for each core, and what tasks wait for (PSI), from /proc alone.

import type { PerfItem } from "../../contract/observation.ts";
import { type PressureStall, parsePressure } from "../../core/linux/pressure.ts";
import { isUnreadable, type Reading } from "../../core/reading.ts";
import { counted } from "../../core/text/quantity.ts";
import { readParsed } from "../../os/process/proc.ts";
import type { Observation, Plugin } from "../plugin.ts";
import { type Limits, perf, statusOf } from "./thresholds.ts";

type Figure = "load5" | "cpu" | "memory" | "io";

const LOAD_POLICY: Record<Figure, Limits> = {
  load5: { alert: "above", warning: 2, critical: 6, because: "packing alone fills every core once: that is no fault" },
  cpu: { alert: "above", warning: 60, critical: null, because: "slow is not broken: a busy host is only shown" },
  memory: { alert: "above", warning: 10, critical: 40, because: "all tasks wait for memory: the host is thrashing" },
  io: {
    alert: "above",
    warning: 40,
    critical: 80,
    because: "packing waits for a card or disk; all tasks at once do not",
  },
};

/** Recording must keep up minute by minute: ten seconds would alarm for nothing, five minutes too late. */
const WINDOW = "avg60";

export function load(): Plugin {
  let root = "/";
  return {
    name: "load",
    initialise: (context) => {
      root = context.root;
      return true;
    },
    collect: () => [loadOf(root), ...pressureOf(root)],
  };
}

function loadOf(root: string): Observation {
  const averages = readParsed(root, "proc/loadavg", parseLoadavg);
  const cores = readParsed(root, "proc/stat", countCores);
  if (isUnreadable(averages)) return unreadable("proc/loadavg", averages.unreadable);
  if (isUnreadable(cores)) return unreadable("proc/stat", cores.unreadable);
  const [one, five, fifteen] = averages;
  const perfdata = [
    perf("load1", one, ""),
    perf("load5", five, ""),
    perf("load15", fifteen, ""),
    perf("load5_per_core", five / cores, "", LOAD_POLICY.load5),
  ];
  const words = averages.map((load) => load.toFixed(2)).join(" ");
  return { status: statusOf(perfdata), message: `load ${words} on ${counted(cores, "core")}`, perfdata };
}

/** Kernels without PSI, or with psi=0, have nothing to say: that is no fault. */
function pressureOf(root: string): Observation[] {
  const read = (what: string): Reading<PressureStall> => readParsed(root, `proc/pressure/${what}`, parsePressure);
  const [cpu, memory, io] = [read("cpu"), read("memory"), read("io")];
  const items: PerfItem[] = [];
  // Something always waits for a CPU; when all tasks wait for memory or disk at once, nothing is done at all.
  if (!isUnreadable(cpu)) items.push(perf("cpu", cpu.some[WINDOW], "%", LOAD_POLICY.cpu));
  if (!isUnreadable(memory)) items.push(perf("memory", memory.full?.[WINDOW] ?? null, "%", LOAD_POLICY.memory));
  if (!isUnreadable(io)) items.push(perf("io", io.full?.[WINDOW] ?? null, "%", LOAD_POLICY.io));
  if (items.length === 0) return [];
  const words = items.map(({ label, value }) => `${label} ${value === null ? "not known" : `${value} %`}`).join(", ");
  const message = `share of the last minute in which tasks waited: ${words}`;
  return [{ name: "pressure", status: statusOf(items), message, perfdata: items }];
}

function unreadable(path: string, why: string): Observation {
  return { status: "unknown", message: `cannot read /${path}: ${why}` };
}

function parseLoadavg(text: string): [number, number, number] | null {
  const [one = Number.NaN, five = Number.NaN, fifteen = Number.NaN] = text.split(" ").map(Number);
  return [one, five, fifteen].every(Number.isFinite) ? [one, five, fifteen] : null;
}

/** Cores that are in use: /proc/stat has a line for each (proc(5)). */
function countCores(text: string): number | null {
  const count = text.match(/^cpu\d+ /gm)?.length ?? 0;
  return count > 0 ? count : null;
}
