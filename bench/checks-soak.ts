// Whether thousands of runs of checks leave anything behind: zombies, descriptors, memory. Part of checks.ts.

import { readdirSync, readFileSync } from "node:fs";
import { openCheckCgroups } from "../lib/heartbeat/checks/cgroup.ts";
import { runCheckProcess } from "../lib/heartbeat/checks/process.ts";
import { NagiosRunner } from "../lib/heartbeat/nagios/nagios-runner.ts";
import type { Log } from "../lib/runtime/log/log.ts";
import { markdown } from "./measure.ts";

export const quiet: Log = { error: console.error, warn: console.error, info: () => {}, debug: () => {} };
export const env = { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8" };

/** Once warm it may go up and down by so much, MiB. */
const FLAT_MIB = 8;

export function memory(): { rss: number; anon: number } {
  const status = readFileSync("/proc/self/status", "utf8");
  const mib = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { rss: mib("VmRSS"), anon: mib("RssAnon") };
}

export const zombies = (): number =>
  readdirSync("/proc").filter((pid) => {
    try {
      const [state, ppid] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      return state === "Z" && Number(ppid) === process.pid;
    } catch {
      return false;
    }
  }).length;
const openFiles = (): number => readdirSync("/proc/self/fd").length;

/** Thousands of runs of every kind at the limit: what is left afterwards. */
export async function soak(root: string, runs: number, atOnce: number): Promise<number> {
  const cgroups = openCheckCgroups(root);
  const kinds: [string, number][] = [
    ["echo 'OK | a=1'", 60_000],
    ["echo out; echo err >&2; exit 2", 60_000],
    ["kill -9 $$", 60_000],
    ["sleep 60 & echo OK", 60_000],
    ["exec sleep 60", 15],
    ["exec yes", 15],
    ["exit 77", 60_000],
  ];
  let next = 0;
  const worker = async (until: number): Promise<void> => {
    while (next < until) {
      const [script, timeoutMs] = kinds[next++ % kinds.length] ?? ["true", 1];
      const cgroup = "make" in cgroups ? cgroups.make() : null;
      await runCheckProcess({ words: [script], shell: true, timeoutMs, graceMs: 15, env, cgroup });
    }
  };
  const verdict = await watch(runs, (until) => Promise.all(Array.from({ length: atOnce }, () => worker(until))));
  console.log(`cgroups: ${"make" in cgroups ? "yes" : "no"}`);
  return verdict;
}

/** The same with nagios_runner around it: its states, its places, its look for strays. Its heap settles later: more runs. */
export async function soakRunner(runs: number, atOnce: number): Promise<number> {
  const commands = Array.from({ length: 50 }, (_, i) => ({ name: `c${i}`, command: "sh -c 'echo OK; exit 1'" }));
  const runner = new NagiosRunner({ atOnce });
  runner.initialise({ log: quiet, intervalS: 3600, settings: { commands }, root: "/nonexistent" });
  let done = 0;
  const verdict = await watch(runs, async (until) => {
    for (; done < until; done += commands.length) await runner.collect(new AbortController().signal);
  });
  await runner.close();
  console.log("nagios_runner, 50 checks");
  return verdict;
}

/** @param work goes on until so many runs are done. @returns 1 when something is left behind */
async function watch(runs: number, work: (until: number) => Promise<unknown>): Promise<number> {
  const rows: { until: number; rss: number; anon: number; files: number; dead: number }[] = [];
  const began = performance.now();
  for (const until of [0, 0.1, 0.25, 0.5, 0.75, 1].map((share) => Math.round(runs * share))) {
    await work(until);
    Bun.gc(true);
    rows.push({ until, ...memory(), files: openFiles(), dead: zombies() });
  }
  const cells = rows.map(({ until, rss, anon, files, dead }) => [
    ...[String(until), rss.toFixed(1), anon.toFixed(1), String(files), String(dead)],
  ]);
  console.log(markdown(["runs", "RSS MiB", "anonymous MiB", "open files", "zombies"], cells));
  console.log(`${((runs / (performance.now() - began)) * 1000).toFixed(0)} runs a second`);
  // From a quarter on everything that is ever needed is there; the heap goes up and down by some MiB all the time.
  const [first, warm, end] = [rows[1], rows[2], rows[5]];
  if (first === undefined || warm === undefined || end === undefined) return 1;
  const grown = end.rss - Math.max(first.rss, warm.rss);
  return end.dead > 0 || end.files > warm.files || grown > FLAT_MIB ? 1 : 0;
}
