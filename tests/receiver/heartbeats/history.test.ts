// The daily files and the room that they may have: what is given up for it, and that it is told.

import { afterEach, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openHeartbeats } from "../../../lib/receiver/heartbeats/store.ts";
import { cleanUp, keptLog, tempDir } from "../support.ts";
import { heartbeat, result, T0 } from "./support.ts";

afterEach(cleanUp);

/** A store whose daily files may have 10 000 bytes, with some of these sizes. */
function storeWith(sizes: Record<string, number>) {
  const dir = join(tempDir(), "heartbeats");
  mkdirSync(dir);
  for (const [day, bytes] of Object.entries(sizes)) writeFileSync(join(dir, `${day}.jsonl`), "x".repeat(bytes));
  const log = keptLog();
  const store = openHeartbeats(dir, log, () => 10_000);
  const days = () =>
    readdirSync(dir)
      .filter((name) => name.endsWith(".jsonl"))
      .sort();
  const send = (n: number, atMs = T0) =>
    store.put(
      heartbeat({
        sequence: n,
        uptime_s: 1000 + n,
        results: [result({ status: n % 2 === 0 ? "ok" : "critical", message: "x".repeat(1000), run: n })],
      }),
      null,
      atMs,
    );
  return { dir, log, store, days, send };
}

test("days that are too many bytes go, the oldest first, with one warning; those that are over go without", async () => {
  const { dir, log, store, days } = storeWith({
    "2026-04-01": 3000,
    "2026-04-28": 4096,
    "2026-04-29": 4096,
    "2026-04-30": 6000,
    "2026-05-01": 3000,
  });
  await store.prune(T0);
  expect(days()).toEqual(["2026-04-30.jsonl", "2026-05-01.jsonl"]);
  expect(log.lines).toEqual([
    `warn: removed 2 days of heartbeats (2026-04-28 to 2026-04-29), 8.0 KiB, before 14 days were over: the daily files in ${dir} may have 9.8 KiB; the days after, and the latest of each host, were kept`,
  ]);
  await store.prune(T0);
  expect(log.lines).toHaveLength(1);
  appendFileSync(join(dir, "2026-05-01.jsonl"), "x".repeat(1001));
  await store.prune(T0);
  expect(log.lines[1]).toStartWith("warn: removed 1 day of heartbeats (2026-04-30), 5.9 KiB, before ");
  expect(days()).toEqual(["2026-05-01.jsonl"]);
});

test("a day that cannot be removed is not said to be gone", async () => {
  const { dir, log, store, days } = storeWith({ "2026-05-01": 10_001 });
  mkdirSync(join(dir, "2026-04-30.jsonl"));
  await store.prune(T0);
  expect([days(), log.lines]).toEqual([["2026-04-30.jsonl", "2026-05-01.jsonl"], []]);
});

test("today's that is as large as all may be takes no more rows, with one warning; the latest goes on", async () => {
  const { dir, log, store, days, send } = storeWith({});
  const today = join(dir, "2026-05-01.jsonl");
  const size = () => statSync(today).size;
  const rows = () => readFileSync(today, "utf8").trimEnd().split("\n");
  for (let n = 1; n <= 20; n++) expect(await send(n, T0 + n)).toMatchObject({ status: "stored" });
  const full = size();
  // Only the row that reached the limit lies beyond it.
  expect([full >= 10_000, full - (rows().at(-1)?.length ?? 0) - 1 < 10_000]).toEqual([true, true]);
  expect(rows().length).toBeLessThan(15);
  expect(rows().every((row) => JSON.parse(row).host_id === "lab1")).toBe(true);
  expect(log.lines).toEqual([
    `warn: no more heartbeats of 2026-05-01 are written to ${today}: it has the 9.8 KiB that all daily files may have; the latest of each host still is; fix: raise [heartbeats] history_max, see by the host_id of its rows who sends so much, or move it away`,
  ]);
  expect(await store.find("lab1")).toMatchObject({ stored: { heartbeat: { sequence: 20 }, states: [{ run: 20 }] } });
  // Nor is it removed: it is today's.
  await store.prune(T0);
  expect([size(), log.lines.length]).toEqual([full, 1]);
  // The next day has rows again, and takes the room of the full one.
  await send(21, T0 + 86_400_000);
  expect(days()).toEqual(["2026-05-01.jsonl", "2026-05-02.jsonl"]);
  await store.prune(T0 + 86_400_000);
  expect(days()).toEqual(["2026-05-02.jsonl"]);
});

test("today's has rows again once somebody moved it away", async () => {
  const { dir, log, send } = storeWith({ "2026-05-01": 10_000 });
  const today = join(dir, "2026-05-01.jsonl");
  await send(1);
  expect([statSync(today).size, log.lines.length]).toEqual([10_000, 1]);
  renameSync(today, join(dir, "aside"));
  await send(2, T0 + 1);
  expect(JSON.parse(readFileSync(today, "utf8"))).toMatchObject({ sequence: 2 });
});
