// What running checks costs: 200 checks of one second at nagios_runner's limit beside `xargs -P` loops, the lag of our event
// loop meanwhile, a check that floods, and whether thousands of runs leave anything behind (checks-soak.ts).
// Exit 1 when what must hold does not: the lag, zombies, descriptors, memory.
// By hand: bun bench/checks.ts [--rounds 3] [--checks 200] [--at-once 16] [--runs 10000]
import { parseArgs } from "node:util";
import { runCheckProcess } from "../lib/heartbeat/checks/process.ts";
import { NagiosRunner } from "../lib/heartbeat/nagios/nagios-runner.ts";
import { env, memory, quiet, soak, soakRunner, zombies } from "./checks-soak.ts";
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

/** The budget for the loop's lag, p99, milliseconds. */
const LAG_MS = 50;

function fail(what: string): void {
  console.error(`NOT MET: ${what}`);
  process.exitCode = 1;
}

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
else if (values.inner === "soak") process.exitCode = await soak("/nonexistent", runs, atOnce);
else if (values.inner === "soak-cgroup") process.exitCode = await soak("/", runs, atOnce);
else if (values.inner === "soak-runner") process.exitCode = await soakRunner(6 * runs, atOnce);
else if (values.inner === "flood") await flood();
else await compare();

async function compare(): Promise<void> {
  console.log(`${machine()}\n`);
  const self = (inner: string): string[] => [
    ...[process.execPath, import.meta.path, "--inner", inner, "--checks", String(checks)],
    ...["--at-once", String(atOnce), "--runs", String(runs)],
  ];
  const plain = `seq ${checks} | xargs -P ${atOnce} -n 1 sh -c 'sleep 1; echo OK' >/dev/null`;
  const loop = `seq ${checks} | xargs -P ${atOnce} -n 1 sh -c 'out=$(timeout 300 sh -c "sleep 1; echo OK" </dev/null 2>&1)'`;
  const contestants = [
    { name: "nagios_runner", argv: self("plain") },
    { name: "nagios_runner, cgroups", argv: self("cgroup") },
    { name: `xargs -P${atOnce}, no time-out, output dropped`, argv: ["sh", "-c", plain] },
    { name: `xargs -P${atOnce} with timeout(1), output kept`, argv: ["sh", "-c", loop] },
  ];
  const samples = await interleave(contestants, rounds, async ({ argv }) => {
    const ran = await timed(argv);
    const said = ran.stdout.trim() === "" ? null : JSON.parse(ran.stdout);
    if (said !== null && said.ok !== checks) throw new Error(`only ${said.ok} of ${checks} checks were ok`);
    if (said !== null && said.zombies > 0) throw new Error(`${said.zombies} zombies`);
    if (said !== null && said.p99 >= LAG_MS) fail(`lag p99 ${said.p99} ms, budget ${LAG_MS} ms`);
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
  for (const inner of ["flood", "soak", "soak-cgroup", "soak-runner"]) {
    const done = Bun.spawnSync(self(inner), { stderr: "inherit" });
    console.log(done.stdout.toString());
    if (done.exitCode !== 0) fail(inner);
  }
}
