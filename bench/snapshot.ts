// How long the shutdown snapshot takes with thousands of processes on the host, beside the `ps` that others call there.
// By hand: bun bench/snapshot.ts [--processes 5000] [--runs 2000]
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { formatFields } from "../lib/core/text/fields.ts";
import { monotonicUsec } from "../lib/os/clock-calls.ts";
import { type Snapshot, takeSnapshot } from "../lib/runtime/diagnostic/snapshot.ts";
import { contextFields, contextJson } from "../lib/runtime/diagnostic/snapshot-text.ts";

const { values } = parseArgs({
  options: { processes: { type: "string", default: "5000" }, runs: { type: "string", default: "2000" } },
});
const wanted = Number(values.processes);
const runs = Number(values.runs);

const processesNow = (): number => readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length;

/** `ms` sorted: median, 99th percentile, highest. */
function summary(name: string, ms: number[]): string {
  ms.sort((a, b) => a - b);
  const at = (share: number): string => (ms[Math.min(ms.length - 1, Math.floor(ms.length * share))] ?? 0).toFixed(3);
  return `${name.padEnd(34)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   max ${at(1)} ms   (${ms.length} runs)`;
}

function snapshotOnce(): Snapshot {
  return takeSnapshot({
    signal: 15,
    sender: { sent_by: "systemd(1)" },
    pid: process.pid,
    env: { INVOCATION_ID: "bench" },
    runDir: tmpdir(),
    now: new Date(),
    monotonicUsec: monotonicUsec(),
  });
}

function snapshotAndText(): string {
  const snapshot = snapshotOnce();
  return formatFields(contextFields(snapshot)) + contextJson(snapshot);
}

// One shell that becomes a group of sleepers: they end with it.
const missing = Math.max(0, wanted - processesNow());
const crowd = Bun.spawn(["sh", "-c", `for i in $(seq ${missing}); do sleep 1000 & done; echo started; wait`], {
  stdout: "pipe",
  detached: true,
});
try {
  for await (const chunk of crowd.stdout) if (new TextDecoder().decode(chunk).includes("started")) break;
  console.log(`${processesNow()} processes`);
  const cold = performance.now();
  snapshotAndText();
  console.log(`first one, which a daemon takes when it starts: ${(performance.now() - cold).toFixed(3)} ms`);
  const time = async (work: () => unknown, count: number, pauseMs: number): Promise<number[]> => {
    const ms: number[] = [];
    for (let i = 0; i < count; i++) {
      // A daemon does other things between its start and its stop.
      await Bun.sleep(pauseMs);
      const began = performance.now();
      work();
      ms.push(performance.now() - began);
    }
    return ms;
  };
  console.log(summary("snapshot", await time(snapshotOnce, runs, 5)));
  console.log(summary("snapshot, line and JSON", await time(snapshotAndText, runs, 5)));
  console.log(summary("ps auxf, as seen elsewhere", await time(() => Bun.spawnSync(["ps", "auxf"]), 5, 0)));
} finally {
  process.kill(-crowd.pid, "SIGKILL");
  await crowd.exited;
}
