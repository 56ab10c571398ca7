// The health check over a large index, beside what its users run today: a Python program that reads each line. Interleaved rounds.
// bun bench/fleet-health.ts [--rounds N] [--rows 1000000,10000000] [--work DIR]
// Needs python3 and dist/linux-x64/fleet-health. 10 M rows are 3.6 GB.
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatRow } from "../lib/contract/index-row.ts";
import { isoWall } from "../lib/core/clock.ts";
import { machine, spread } from "./measure.ts";

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

function makeIndex(path: string, rows: number): void {
  const fd = openSync(path, "w");
  const stepMs = 86_400_000 / A_DAY;
  let chunk: string[] = [];
  for (let i = 0; i < rows; i++) {
    const host = `lab${i % HOSTS}`;
    const id = `ep-${i}`;
    chunk.push(
      formatRow({
        ...{ host_id: host, episode_id: id, received_at_wall: isoWall(NOW - (rows - i) * stepMs), bytes: 5_000_000 },
        ...{ sha256: "0123456789abcdef".repeat(4), code_commit: "0123456789abcdef0123456789abcdef01234567" },
        ...{ path: `episodes/${host}/${id}.tar.zst`, tree_sha256: "0123456789abcdef".repeat(4) },
      }),
    );
    if (chunk.length === 20_000 || i === rows - 1) {
      writeSync(fd, `${chunk.join("\n")}\n`);
      chunk = [];
    }
  }
  closeSync(fd);
}

/** Wall time of a program, seconds. */
async function run(argv: string[]): Promise<number> {
  const began = performance.now();
  const child = Bun.spawn(argv, { stdout: "ignore", stderr: "ignore" });
  if ((await child.exited) !== 0) throw new Error(`${argv[0]} ended with ${child.exitCode}`);
  return (performance.now() - began) / 1000;
}

const work = mkdtempSync(join(values.work, "labfleet-bench-"));
console.log(`${machine()}\n\n| rows | | wall s |\n|---:|---|---:|`);
for (const rows of values.rows.split(",").map(Number)) {
  const dir = join(work, String(rows));
  mkdirSync(join(dir, "attempts"), { recursive: true });
  const index = join(dir, "index.jsonl");
  makeIndex(index, rows);
  const script = join(dir, "loop.py");
  writeFileSync(script, PYTHON);
  const health = (state: string): string[] => [
    ...[HEALTH, "--index-path", index, "--alerts-path", join(dir, "alerts.jsonl"), "--log-level", "error"],
    ...["--now", new Date(NOW).toISOString(), "--state-path", state],
  ];
  const samples: Record<string, number[]> = {
    "Python, each line": [],
    "**fleet-health, first run**": [],
    "**fleet-health, each run after**": [],
  };
  for (let round = 0; round < Number(values.rounds); round++) {
    const state = join(dir, `state-${round}`);
    // Of ten million lines Python needs a minute: one round tells.
    if (round === 0 || rows <= 1_000_000) samples["Python, each line"]?.push(await run(["python3", script, index]));
    samples["**fleet-health, first run**"]?.push(await run(health(state)));
    samples["**fleet-health, each run after**"]?.push(await run(health(state)));
  }
  for (const [name, walls] of Object.entries(samples)) console.log(`| ${rows} | ${name} | ${spread(walls)} |`);
  rmSync(dir, { recursive: true });
}
rmSync(work, { recursive: true });
