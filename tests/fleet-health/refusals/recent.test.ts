import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatAttempt } from "../../../lib/contract/attempt-row.ts";
import { isoText } from "../../../lib/fleet-health/python/python-time.ts";
import type { Facts } from "../../../lib/fleet-health/reference/alerts.ts";
import { addAttempt } from "../../../lib/fleet-health/reference/attempts.ts";
import { attemptSizes, recentAttempts } from "../../../lib/fleet-health/refusals/recent.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MINUTE = 60_000_000;
/** Ten minutes past midnight. */
const NOW = Date.UTC(2026, 4, 2, 0, 10) * 1000;

const attempt = (minutesAgo: number, more: object = {}): string =>
  `${formatAttempt({
    at: isoText(NOW - minutesAgo * MINUTE),
    host_id: "lab1",
    episode_id: "ep",
    status: 412,
    reason: "commit-not-accepted",
    bytes: 0,
    code_commit: "abc1234",
    remote: "10.0.0.7:40112",
    ...more,
  })}\n`;

test("the last minutes are read from today's file and yesterday's, in order; older and later rows are not", async () => {
  const dir = tempDir();
  writeFileSync(
    join(dir, "2026-05-01.jsonl"),
    attempt(100) + attempt(40) + attempt(30, { episode_id: "a" }) + attempt(15, { episode_id: "b" }),
  );
  writeFileSync(join(dir, "2026-05-02.jsonl"), `${attempt(9, { episode_id: "c" })}torn\n${attempt(-1)}`);
  const { rows, bad } = await recentAttempts(dir, { sinceMicros: NOW - 30 * MINUTE, nowMicros: NOW, setBacks: [] });
  expect([rows.map(({ episode_id }) => episode_id), bad]).toEqual([["a", "b", "c"], 1]);
});

test("a row that a clock dated back does not hide those before it; a day without a file had none", async () => {
  const dir = tempDir();
  writeFileSync(
    join(dir, "2026-05-02.jsonl"),
    attempt(9, { episode_id: "a" }) + attempt(5000) + attempt(1, { episode_id: "b" }),
  );
  const { rows } = await recentAttempts(dir, { sinceMicros: NOW - 30 * MINUTE, nowMicros: NOW, setBacks: [] });
  expect(rows.map(({ episode_id }) => episode_id)).toEqual(["a", "b"]);
  mkdirSync(join(dir, "2026-05-01.jsonl"));
  await expect(recentAttempts(dir, { sinceMicros: NOW - 30 * MINUTE, nowMicros: NOW, setBacks: [] })).rejects.toThrow(
    "EISDIR",
  );
});

test("the last day that a date can name ends, and so does a window over thousands of years", async () => {
  const dir = tempDir();
  writeFileSync(join(dir, "2026-05-02.jsonl"), attempt(0, { episode_id: "a" }));
  writeFileSync(join(dir, "9999-12-31.jsonl"), attempt(0, { episode_id: "b", at: "9999-12-31T23:59:58+00:00" }));
  for (const name of ["2026-05-02.jsonl.aside", "10000-01-01.jsonl", "lock"])
    writeFileSync(join(dir, name), attempt(0));
  const last = Date.UTC(9999, 11, 31, 23, 59, 59) * 1000;
  const read = async (since: number, now: number): Promise<(string | null)[]> =>
    (await recentAttempts(dir, { sinceMicros: since, nowMicros: now, setBacks: [] })).rows.map(
      ({ episode_id }) => episode_id,
    );
  expect(await read(last - 30 * MINUTE, last)).toEqual(["b"]);
  expect(await read(NOW, last + MINUTE)).toEqual(["a", "b"]);
  // Of a later day nothing is even opened.
  mkdirSync(join(dir, "2026-05-03.jsonl"));
  expect(await read(NOW - 5000 * MINUTE, NOW)).toEqual(["a"]);
});

test("garbage without a line break is one bad line, and hides no row before it", async () => {
  const dir = tempDir();
  const path = join(dir, "2026-05-02.jsonl");
  writeFileSync(path, attempt(9, { episode_id: "a" }));
  truncateSync(path, 64 * 1024 ** 2);
  appendFileSync(path, `\n${attempt(1, { episode_id: "b" })}`);
  const { rows, bad } = await recentAttempts(dir, { sinceMicros: NOW - 30 * MINUTE, nowMicros: NOW, setBacks: [] });
  expect([rows.map(({ episode_id }) => episode_id), bad]).toEqual([["a", "b"], 1]);
});

test("attempts count as the access lines of them would, and a missing commit as its warning", () => {
  const facts: Facts = new Map();
  const row = { at: "", host_id: "lab1", episode_id: "e", bytes: 0, code_commit: null, remote: "" };
  addAttempt(facts, { ...row, status: 201, reason: "stored" });
  addAttempt(facts, { ...row, status: 400, reason: "missing-commit" });
  addAttempt(facts, { ...row, status: 507, reason: "disk-full" });
  addAttempt(facts, { ...row, status: 499, reason: "client-gone" });
  addAttempt(facts, { ...row, status: 400, reason: "malformed", what: "heartbeat" });
  expect([...facts]).toEqual([
    ["lab1", { lastText: null, lastMicros: 0, taken: 1, refused: 1, failed: 1, unstamped: 1 }],
  ]);
});

test("what was decided before the clock was set back is not recent, whatever its time says", async () => {
  const dir = tempDir();
  const file = join(dir, "2026-05-02.jsonl");
  writeFileSync(join(dir, "2026-05-01.jsonl"), attempt(20));
  writeFileSync(join(dir, "2026-04-30.jsonl"), attempt(2000));
  writeFileSync(file, attempt(9, { episode_id: "before it" }) + attempt(4, { episode_id: "again" }));
  const attempts = await attemptSizes(dir, NOW / 1000);
  expect(Object.keys(attempts).sort()).toEqual(["2026-05-01.jsonl", "2026-05-02.jsonl"]);
  appendFileSync(file, attempt(5, { episode_id: "since" }));
  const setBacks = [{ fromMs: NOW / 1000, toMs: (NOW - 6 * MINUTE) / 1000, attempts }];
  const { rows } = await recentAttempts(dir, { sinceMicros: NOW - 10 * MINUTE, nowMicros: NOW, setBacks });
  expect(rows.map(({ episode_id }) => episode_id)).toEqual(["since"]);
});
