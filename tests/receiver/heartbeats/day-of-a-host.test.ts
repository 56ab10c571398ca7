// What a host's day of heartbeats costs the collector's card: the bytes that are written for it, counted.

import { afterEach, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { CheckResult, PerfRange } from "../../../lib/contract/observation.ts";
import { latestPath } from "../../../lib/os/files/latest-heartbeat.ts";
import { openHeartbeats } from "../../../lib/receiver/heartbeats/store.ts";
import { seededRandom } from "../../support/random.ts";
import { cleanUp, keptLog, tempDir } from "../support.ts";
import { heartbeat, result } from "./support.ts";

afterEach(cleanUp);

const MIDNIGHT = Date.parse("2026-05-01T00:00:00Z");
const DAY_S = 86_400;
const CHECKS = 24;

const below = (high: number): PerfRange => ({ inside: false, low: null, high });

/** Checks as hosts have them: figures and words move in each run, one of them goes from ok to warning and back all the time. */
function resultsOf(run: number, atMs: number, next: () => number): CheckResult[] {
  return Array.from({ length: CHECKS }, (_, n) => {
    const used = Math.round(next() * 1e9);
    const perfdata = [
      { label: "used", value: used, uom: "B", warning: below(8e8), critical: below(9e8), min: 0, max: 1e9 },
      {
        label: "load",
        value: Math.round(next() * 400) / 100,
        uom: "",
        warning: null,
        critical: null,
        min: 0,
        max: null,
      },
    ];
    return result({
      name: `check_${n}`,
      status: n === 0 && run % 2 === 0 ? "warning" : "ok",
      message: `${used} bytes used of 1000000000 on /srv/${n}, load ${next().toFixed(2)}`,
      perfdata,
      started_at: new Date(atMs - 900).toISOString(),
      duration_ms: Math.round(next() * 900),
      run,
    });
  });
}

/** Bytes that are written in a day with a heartbeat every so many seconds: its rows, and the latest document with each. */
async function dayOf(intervalS: number): Promise<{ rows: number; latest: number }> {
  const dir = join(tempDir(), "heartbeats");
  const store = openHeartbeats(dir, keptLog());
  const { next } = seededRandom(1);
  let latest = 0;
  for (let n = 0; n < DAY_S / intervalS; n++) {
    const atMs = MIDNIGHT + n * intervalS * 1000;
    const moment = { sequence: n + 1, uptime_s: 1000 + n * intervalS, sent_at: new Date(atMs).toISOString() };
    const results = resultsOf(n, atMs, next);
    const kept = await store.put(heartbeat({ ...moment, interval_s: intervalS, results }), atMs, atMs);
    expect(kept.status).toBe("stored");
    latest += statSync(latestPath(dir, "lab1")).size;
  }
  return { rows: statSync(join(dir, "2026-05-01.jsonl")).size, latest };
}

test("24 checks, a heartbeat every minute: at most 5 MB in all, the latest document with each heartbeat included", async () => {
  const { rows, latest } = await dayOf(60);
  expect(rows + latest).toBeLessThanOrEqual(5_000_000);
});

test("24 checks, a heartbeat every 30 s: at most 5 MB of rows", async () => {
  expect((await dayOf(30)).rows).toBeLessThanOrEqual(5_000_000);
});
