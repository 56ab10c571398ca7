// What a collector's index costs as it grows: time of a start, memory, and the longest that one row holds up the event loop.
// By hand: bun bench/growth.ts [--rows 100000,1000000,10000000]   (10 M rows: 3.4 GB below the temporary directory)
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatRow } from "../lib/contract/index-row.ts";
import { openIndex } from "../lib/receiver/index.ts";

const { values } = parseArgs({
  options: { rows: { type: "string", default: "100000,1000000,10000000" }, measure: { type: "string" } },
});

const HOSTS = 100;
const address = (i: number) => ({ host: `lab-${i % HOSTS}`, id: `2026-05-01T06-37-53.${i}` });

function writeIndex(path: string, rows: number): void {
  const fd = openSync(path, "w");
  let text = "";
  for (let i = 0; i < rows; i++) {
    const { host, id } = address(i);
    const digest = i.toString(16).padStart(64, "0");
    text += `${formatRow({
      host_id: host,
      episode_id: id,
      received_at_wall: "2026-05-01T06:37:53.830599+00:00",
      bytes: 1_000_000 + i,
      sha256: digest,
      code_commit: "3f2c0ffee0ddf00d3f2c0ffee0ddf00d3f2c0ffe",
      path: `episodes/${host}/${id}.tar.zst`,
      tree_sha256: digest,
    })}\n`;
    if (text.length < 4_000_000) continue;
    writeSync(fd, text);
    text = "";
  }
  writeSync(fd, text);
  closeSync(fd);
}

/** Time on a processor, not on the clock: what others do on this machine must not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** In a process of its own, so that memory is that of one size alone. */
async function measure(path: string, rows: number): Promise<string[]> {
  const before = process.memoryUsage.rss();
  const began = performance.now();
  const { index } = await openIndex(path, `${path}.torn`, 1);
  const startS = (performance.now() - began) / 1000;
  Bun.gc(true);
  const rssMiB = (process.memoryUsage.rss() - before) / 2 ** 20;
  // As many rows again: the table grows by as much as it ever does.
  let longest = 0;
  let last = cpuMs();
  for (let i = rows; i < 2 * rows; i++) {
    index.table.insert(address(i), i);
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
  }
  Bun.gc(true);
  const doubledMiB = (process.memoryUsage.rss() - before) / 2 ** 20;
  await index.close();
  return [rows.toLocaleString("en"), startS.toFixed(2), rssMiB.toFixed(0), doubledMiB.toFixed(0), longest.toFixed(1)];
}

if (values.measure !== undefined) {
  const [path = "", rows = ""] = values.measure.split(" ");
  console.log(JSON.stringify(await measure(path, Number(rows))));
} else {
  const dir = mkdtempSync(join(tmpdir(), "labfleet-growth-"));
  console.log(
    "| rows | start, s | memory, MiB | after as many again, MiB | longest for one row, ms |\n|---:|---:|---:|---:|---:|",
  );
  try {
    for (const rows of values.rows.split(",").map(Number)) {
      const path = join(dir, "index.jsonl");
      writeIndex(path, rows);
      const child = Bun.spawnSync([process.execPath, import.meta.path, "--measure", `${path} ${rows}`], {
        stderr: "inherit",
      });
      console.log(`| ${(JSON.parse(child.stdout.toString()) as string[]).join(" | ")} |`);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
}
