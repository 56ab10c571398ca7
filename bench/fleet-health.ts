// The health check over a large index, beside what its users run today: a Python program that reads each line. Interleaved rounds.
// bun bench/fleet-health.ts [--rounds N] [--rows 1000000,10000000] [--work DIR]
// Needs python3, GNU time and dist/linux-x64/fleet-health. 10 M rows are 3.6 GB.
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatAttempt } from "../lib/contract/attempt-row.ts";
import { formatRow } from "../lib/contract/index-row.ts";
import { isoWall } from "../lib/core/clock.ts";
import { machine, spread, type Timed, timed } from "./measure.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    rows: { type: "string", default: "1000000,10000000" },
    work: { type: "string", default: tmpdir() },
  },
});
const HEALTH = join(import.meta.dir, "../dist/linux-x64/fleet-health");
/** Rows a day of the busiest fleet that a first run has to be quick for. */
const A_DAY = 150_000;
const HOSTS = 500;
const NOW = Date.UTC(2026, 4, 1, 12);
/** From one run to the next, and the rows that come between them. */
const RUN_MS = 300_000;
const IN_A_RUN = Math.round((A_DAY * RUN_MS) / 86_400_000);

const LOOP = "Python, each line";
const FIRST = "**fleet-health, first run**";
const AFTER = "**fleet-health, five minutes later**";

/** What the loop of the Python fleet's check does with each line. */
const PYTHON = `
import json, sys
from datetime import datetime
last = {}
for line in open(sys.argv[1]):
    try:
        row = json.loads(line)
        host, at = row["host_id"], datetime.fromisoformat(row["received_at_wall"]).timestamp()
    except (ValueError, KeyError):
        continue
    if at > last.get(host, 0):
        last[host] = at
print(len(last))
`;

const rowOf = (number: number, atMs: number): string => {
  const host = `lab${number % HOSTS}`;
  const id = `ep-${number}`;
  return formatRow({
    ...{ host_id: host, episode_id: id, received_at_wall: isoWall(atMs), bytes: 5_000_000 },
    ...{ sha256: "0123456789abcdef".repeat(4), code_commit: "0123456789abcdef0123456789abcdef01234567" },
    ...{ path: `episodes/${host}/${id}.tar.zst`, tree_sha256: "0123456789abcdef".repeat(4) },
  });
};
const attemptOf = (number: number, atMs: number): string =>
  formatAttempt({
    ...{
      at: isoWall(atMs),
      host_id: `lab${number % HOSTS}`,
      episode_id: `ep-${number}`,
      status: 201,
      reason: "created",
    },
    ...{ bytes: 5_000_000, code_commit: "0123456789abcdef0123456789abcdef01234567", remote: "10.0.0.5:40112" },
  });

const STEP_MS = 86_400_000 / A_DAY;

/** Rows `from` to `to` of an index, the last at `lastMs`, and their attempts, which are kept by the day. */
function grow(dir: string, from: number, to: number, lastMs: number): void {
  const day = Math.floor(lastMs / 86_400_000) * 86_400_000;
  const index = openSync(join(dir, "index.jsonl"), "a");
  const attempts = openSync(join(dir, "attempts", `${isoWall(lastMs).slice(0, 10)}.jsonl`), "a");
  for (let i = from; i < to; i += 20_000) {
    const numbers = Array.from({ length: Math.min(20_000, to - i) }, (_, k) => i + k);
    const at = (number: number): number => lastMs - (to - 1 - number) * STEP_MS;
    const lines = (found: readonly string[]): string => (found.length === 0 ? "" : `${found.join("\n")}\n`);
    writeSync(index, lines(numbers.map((number) => rowOf(number, at(number)))));
    const today = numbers.filter((number) => at(number) >= day);
    writeSync(attempts, lines(today.map((number) => attemptOf(number, at(number)))));
  }
  closeSync(index);
  closeSync(attempts);
}

const work = mkdtempSync(join(values.work, "labfleet-bench-"));
console.log(`${machine()}\n\n| rows | | wall s | peak MiB |\n|---:|---|---:|---:|`);
for (const rows of values.rows.split(",").map(Number)) {
  const dir = join(work, String(rows));
  mkdirSync(join(dir, "attempts"), { recursive: true });
  grow(dir, 0, rows, NOW);
  const index = join(dir, "index.jsonl");
  const script = join(dir, "loop.py");
  writeFileSync(script, PYTHON);
  const health = (nowMs: number, state: string): string[] => [
    ...[HEALTH, "--index-path", index, "--alerts-path", join(dir, "alerts.jsonl"), "--log-level", "error"],
    ...["--now", new Date(nowMs).toISOString(), "--state-path", state],
  ];
  const samples: Record<string, Timed[]> = { [LOOP]: [], [FIRST]: [], [AFTER]: [] };
  const measure = async (name: string, argv: string[], options = {}): Promise<unknown> =>
    samples[name]?.push(await timed(argv, options));
  let nowMs = NOW;
  for (let round = 0; round < Number(values.rounds); round++) {
    const state = join(dir, `state-${round}`);
    // As the unit has it.
    const env = { CACHE_DIRECTORY: mkdtempSync(join(dir, "cache-")) };
    // Of so many lines Python needs a minute and more: one round tells.
    if (round === 0 || rows <= 1_000_000) await measure(LOOP, ["python3", script, index]);
    await measure(FIRST, health(nowMs, state), { env });
    const had = rows + round * IN_A_RUN;
    nowMs += RUN_MS;
    grow(dir, had, had + IN_A_RUN, nowMs);
    await measure(AFTER, health(nowMs, state), { env });
  }
  for (const [name, runs] of Object.entries(samples)) {
    const walls = spread(runs.map(({ wallS }) => wallS));
    const peak = spread(
      runs.map(({ rssMiB }) => rssMiB),
      0,
    );
    console.log(`| ${rows} | ${name} | ${walls} | ${peak} |`);
  }
  rmSync(dir, { recursive: true });
}
rmSync(work, { recursive: true });
