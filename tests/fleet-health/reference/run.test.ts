// The whole check over real files, with the attempts of our receiver.

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatAttempt } from "../../../lib/contract/attempt-row.ts";
import { readIndex } from "../../../lib/fleet-health/index/last-seen.ts";
import { isoText } from "../../../lib/fleet-health/python/python-time.ts";
import { type ReferenceParts, runReference } from "../../../lib/fleet-health/reference/run.ts";
import { doubtOf, readRefusals } from "../../../lib/fleet-health/refusals/read.ts";
import { inText } from "../../support/in-text.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOW = Date.UTC(2026, 4, 1, 12) * 1000;
const MINUTE = 60_000_000;

function scene() {
  const dir = tempDir();
  const said: string[] = [];
  const note = (message: Parameters<typeof quietLog.warn>[0]): void => void said.push(inText(message));
  const log = { ...quietLog, warn: note, info: note };
  const parts: ReferenceParts = {
    alertsPath: join(dir, "alerts.jsonl"),
    thresholds: { lookbackHours: 24, silentThresholdMin: 30, fatalRatioThreshold: 0.95, fatalMinCount: 10 },
    recentWindowMin: 30,
    nowMicros: NOW,
    fleet: "labfleet",
    heldBy: ({ host }) => (host === "held" ? "silenced" : null),
    firing: 0,
  };
  const run = async (attemptsDir = dir, firing: number | null = parts.firing) => {
    const reading = await readIndex({
      path: join(dir, "index.jsonl"),
      before: null,
      cutoffMicros: NOW - 24 * 60 * MINUTE,
      nowMicros: NOW,
    });
    const places = { attemptsDir, journalUnit: null, user: "labfleet", hasStored: true };
    const refusals = await readRefusals(places, { sinceMicros: NOW - 60 * MINUTE, nowMicros: NOW, setBacks: [] });
    return { ...(await runReference({ ...parts, firing }, reading, refusals, log)), doubt: doubtOf(refusals) };
  };
  return { dir, said, run };
}

const row = (host: string, micros: number): string =>
  `${JSON.stringify({ host_id: host, received_at_wall: isoText(micros) })}\n`;

test("a silent host and one that is refused throughout are told once an hour, with rows and lines", async () => {
  const { dir, said, run } = scene();
  writeFileSync(join(dir, "index.jsonl"), row("lab1", NOW - 90 * MINUTE) + row("lab2", NOW - 5 * MINUTE));
  const refused = { host_id: "lab3", episode_id: "e", status: 412, reason: "commit-not-accepted", bytes: 0 };
  const line = formatAttempt({ ...refused, at: isoText(NOW - MINUTE), code_commit: "abc", remote: "10.0.0.9:1" });
  writeFileSync(join(dir, "2026-05-01.jsonl"), `${line}\n`.repeat(10));
  const { hosts, fresh, doubt } = await run();
  expect([hosts, fresh.map(({ host, symptom }) => `${host} ${symptom}`), doubt]).toEqual([
    3,
    ["lab1 silent", "lab3 fatal-only"],
    null,
  ]);
  expect(said).toEqual([
    "ALERT host=lab1 symptom=silent — last successful ship 90 min ago (2026-05-01T10:30:00+00:00). Suggested: On lab1: sudo shipper status",
    "ALERT host=lab3 symptom=fatal-only — 10 ship(s) in recent window, 10 × 4xx + 0 × 5xx, 0 × 2xx — host is shipping but everything is being rejected. Suggested: On lab3: sudo shipper status",
    `emitted 2 new alerts; see ${join(dir, "alerts.jsonl")}`,
  ]);
  said.length = 0;
  expect((await run()).fresh).toEqual([]);
  expect(said).toEqual(["fleet healthy — 3 hosts checked, no new alerts"]);
  expect(readFileSync(join(dir, "alerts.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(2);
});

test.each([
  [0, "fleet healthy — 1 host checked, no new alerts"],
  [1, "1 host checked, no new alerts; 1 incident stands; fix: see what mends each: sudo fleet-health status"],
  [null, "1 host checked, no new alerts; which incidents stand is not known"],
  [2, "1 host checked, no new alerts; 2 incidents stand; fix: see what mends each: sudo fleet-health status"],
])("a fleet in which %p incidents fire is called healthy only where none does", async (firing, line) => {
  const { dir, said, run } = scene();
  writeFileSync(join(dir, "index.jsonl"), row("lab1", NOW - 5 * MINUTE));
  await run(dir, firing);
  expect(said).toEqual([line]);
});

test("attempts that cannot be read are said, and the silent are told all the same", async () => {
  const { dir, run } = scene();
  writeFileSync(join(dir, "index.jsonl"), row("lab1", NOW - 90 * MINUTE));
  writeFileSync(join(dir, "file"), "");
  const { fresh, doubt } = await run(join(dir, "file"));
  expect([fresh.length, inText(doubt)?.startsWith(`the attempts in ${join(dir, "file/")} cannot be read: `)]).toEqual([
    1,
    true,
  ]);
});
