// What running checks costs: 200 checks of one second at nagios_runner's limit beside a plain `xargs -P` loop, the lag of
// our event loop meanwhile, a check that floods, and whether thousands of runs leave anything behind.
// By hand: bun bench/checks.ts [--rounds 3] [--checks 200] [--at-once 16] [--runs 10000]
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { NagiosRunner } from "../lib/heartbeat/nagios/nagios-runner.ts";
import { openCheckCgroups } from "../lib/os/check-cgroup.ts";
import { runCheckProcess } from "../lib/os/check-process.ts";
import type { Log } from "../lib/runtime/log.ts";
import { interleave, machine, markdown, spread, timed } from "./measure.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    checks: { type: "string", default: "200" },
    "at-once": { type: "string", default: "16" },
    runs: { type: "string", default: "10000" },
    // What this program starts of itself, so that each measure has a process of its own.
    inner: { type: "string" },
  },
});
const [rounds, checks, atOnce, runs] = [values.rounds, values.checks, values["at-once"], values.runs].map(Number) as [
  number,
  number,
  number,
  number,
];
const quiet: Log = { error: console.error, warn: console.error, info: () => {}, debug: () => {} };
const env = { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8" };

/** How late timers of 5 ms are, milliseconds, sorted, from now until the function returned is called. */
function watchLag(): () => number[] {
  const lags: number[] = [];
  let due = performance.now() + 5;
  const timer = setInterval(() => {
    const now = performance.now();
    lags.push(Math.max(0, now - due));
    due = now + 5;
  }, 5);
  return () => {
    clearInterval(timer);
    return lags.sort((a, b) => a - b);
  };
}

const p99 = (sorted: number[]): number => sorted[Math.floor(sorted.length * 0.99)] ?? 0;

function memory(): { rss: number; anon: number } {
  const status = readFileSync("/proc/self/status", "utf8");
  const mib = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { rss: mib("VmRSS"), anon: mib("RssAnon") };
}

const zombies = (): number =>
  readdirSync("/proc").filter((pid) => {
    try {
      const [state, ppid] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      return state === "Z" && Number(ppid) === process.pid;
    } catch {
      return false;
    }
  }).length;
const openFiles = (): number => readdirSync("/proc/self/fd").length;

/** One collection of all checks; prints its figures as JSON. */
async function collectOnce(root: string): Promise<void> {
  const runner = new NagiosRunner({ atOnce });
  const commands = Array.from({ length: checks }, (_, i) => ({ name: `c${i}`, command: "sh -c 'sleep 1; echo OK'" }));
  runner.initialise({ log: quiet, intervalS: 3600, settings: { commands, timeout: 300 }, root });
  const lags = watchLag();
  const began = performance.now();
  const said = await runner.collect(new AbortController().signal);
  const wallS = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage();
  const sorted = lags();
  const ok = said.filter(({ status }) => status === "ok").length;
  console.log(
    JSON.stringify({
      wallS,
      ok,
      p99: p99(sorted),
      max: sorted.at(-1),
      ownCpuS: (user + system) / 1e6,
      zombies: zombies(),
      ...memory(),
    }),
  );
}

/** Thousands of runs of every kind at the limit: what is left afterwards. */
async function soak(root: string): Promise<void> {
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
  const rows: string[][] = [];
  const began = performance.now();
  for (const until of [0, 0.1, 0.25, 0.5, 0.75, 1].map((share) => Math.round(runs * share))) {
    await Promise.all(Array.from({ length: atOnce }, () => worker(until)));
    Bun.gc(true);
    const { rss, anon } = memory();
    rows.push([String(until), ...[rss, anon].map((mib) => mib.toFixed(1)), String(openFiles()), String(zombies())]);
  }
  const perS = (runs / (performance.now() - began)) * 1000;
  console.log(markdown(["runs", "RSS MiB", "anonymous MiB", "open files", "zombies"], rows));
  console.log(`${perS.toFixed(0)} runs a second, cgroups: ${"make" in cgroups ? "yes" : "no"}`);
}

/** Checks that print as fast as they can, one after the other: what the first costs, and the others over it. */
async function flood(): Promise<void> {
  const run = () => runCheckProcess({ words: ["yes"], timeoutMs: 1000, graceMs: 1000, env });
  const start = memory();
  const first = await run();
  const warm = memory();
  const lags = watchLag();
  const began = process.cpuUsage();
  let dropped = 0;
  let most = warm;
  for (let i = 0; i < 9; i++) {
    dropped += (await run()).stdout.dropped;
    const now = memory();
    if (now.anon > most.anon) most = now;
  }
  const { user, system } = process.cpuUsage(began);
  const grown = (from: { rss: number; anon: number }, to: { rss: number; anon: number }): string =>
    `RSS +${(to.rss - from.rss).toFixed(1)} MiB, of it anonymous +${(to.anon - from.anon).toFixed(1)}`;
  console.log(
    `a flood of 1 s and ${(first.stdout.dropped / 1e6).toFixed(0)} MB: ${grown(start, warm)}\n` +
      `nine more, ${(dropped / 1e6).toFixed(0)} MB: at most ${grown(warm, most)}; our CPU ${((user + system) / 1e4 / 9).toFixed(1)} %, ` +
      `loop lag p99 ${p99(lags()).toFixed(1)} ms`,
  );
}

if (values.inner === "plain") await collectOnce("/nonexistent");
else if (values.inner === "cgroup") await collectOnce("/");
else if (values.inner === "soak") await soak("/nonexistent");
else if (values.inner === "soak-cgroup") await soak("/");
else if (values.inner === "flood") await flood();
else await compare();

async function compare(): Promise<void> {
  console.log(`${machine()}\n`);
  const self = (inner: string): string[] => [
    ...[process.execPath, import.meta.path, "--inner", inner, "--checks", String(checks)],
    ...["--at-once", String(atOnce), "--runs", String(runs)],
  ];
  const loop = `seq ${checks} | xargs -P ${atOnce} -n 1 sh -c 'out=$(timeout 300 sh -c "sleep 1; echo OK" </dev/null 2>&1)'`;
  const contestants = [
    { name: "nagios_runner", argv: self("plain") },
    { name: "nagios_runner, cgroups", argv: self("cgroup") },
    { name: `xargs -P${atOnce} with timeout(1)`, argv: ["sh", "-c", loop] },
  ];
  const samples = await interleave(contestants, rounds, async ({ argv }) => {
    const ran = await timed(argv);
    const said = ran.stdout.trim() === "" ? null : JSON.parse(ran.stdout);
    if (said !== null && said.ok !== checks) throw new Error(`only ${said.ok} of ${checks} checks were ok`);
    return { ...ran, wallS: said?.wallS ?? ran.wallS, said };
  });
  const rows = [...samples].map(([{ name }, runs]) => {
    const lag = (key: "p99" | "max" | "rss" | "ownCpuS", digits = 1, factor = 1): string =>
      runs[0]?.said === null
        ? ""
        : spread(
            runs.map(({ said }) => said[key] * factor),
            digits,
          );
    return [
      name,
      spread(runs.map(({ wallS }) => checks / wallS)),
      spread(runs.map(({ cpuS }) => (cpuS / checks) * 1000)),
      lag("ownCpuS", 2, 1000 / checks),
      lag("p99"),
      lag("max"),
      lag("rss"),
    ];
  });
  const head = ["", "checks/s", "CPU ms a check, all", "of it ours", "lag p99 ms", "lag max ms", "RSS MiB"];
  console.log(`${checks} checks of 1 s, ${atOnce} at once, medians of ${rounds} rounds\n${markdown(head, rows)}\n`);
  for (const inner of ["flood", "soak", "soak-cgroup"]) console.log((await timed(self(inner))).stdout);
}
