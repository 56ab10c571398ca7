// Days behind a bad path, with a clock of numbers: who is tried when, and that nothing is lost or left out. The queue, its pausing
// and its waits are the real ones; the path is a rule.

import { describe, expect, test } from "bun:test";
import { Pausing, probeWaitMs } from "../../lib/shipper/pausing.ts";
import { Queue } from "../../lib/shipper/queue.ts";
import type { Fault } from "../../lib/shipper/verdict.ts";
import { Waits } from "../../lib/shipper/waits.ts";
import { quietLog } from "../support/quiet-log.ts";
import { scriptedEngine } from "../support/scripted-engine.ts";
import { tempDir } from "../support/temp-dir.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MIB = 1024 * 1024;
const NO_FIX = { what: "w", fix: { text: "t", commands: [] } };

interface Path {
  /** What a body of so many bytes meets; null: a receipt. */
  put: (id: string, bytes: number, nowMs: number) => Fault | null;
  /** Whether the judge can be reached. */
  judge: (nowMs: number) => boolean;
  /** How long a failed try of so many bytes takes, milliseconds. */
  tookMs: (bytes: number) => number;
}

const fault = (status: number): Fault => ({ status, reason: `status-${status}`, isMarked: false, detail: "" });

/** Runs a queue of these episodes along a path until `untilMs`. */
function run(episodes: Readonly<Record<string, number>>, path: Path, untilMs: number) {
  const { engine } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }));
  let now = 0;
  const waits = new Waits({ ...engine.deps, now: () => now, log: quietLog }, (seconds) => now + seconds * 1000);
  const pausing = new Pausing();
  const queue = new Queue();
  queue.add(Object.keys(episodes).map((id, i) => ({ id, finishedMs: i })));
  for (let entry = queue.nextToPack(0); entry !== null; entry = queue.nextToPack(0)) queue.move(entry, "packed");
  const puts = new Map<string, number[]>();
  const delivered = new Map<string, number>();
  let asks = 0;
  while (now < untilMs && queue.size > 0) {
    const packed = [...queue.inStage("packed")];
    const candidates = packed.map(({ id, notBeforeMs }) => ({
      id,
      bytes: episodes[id] ?? 0,
      isDue: notBeforeMs <= now,
    }));
    const chosen = pausing.pause === null ? queue.nextToSend(now) : pausing.probe(candidates, now);
    if (chosen === null) {
      const next = Math.min(
        ...([queue.nextDueMs(now), pausing.pause?.nextProbeMs ?? null].filter(
          (at) => at !== null && at > now,
        ) as number[]),
      );
      now = Number.isFinite(next) ? next : untilMs;
      continue;
    }
    const entry = queue.get(chosen.id);
    if (entry === undefined) throw new Error(`${chosen.id} is not there`);
    const bytes = episodes[entry.id] ?? 0;
    const wait = (probes: number): number => probeWaitMs(probes, 0.5, null);
    if (pausing.pause !== null && (bytes > MIB || entry.bodyNotBeforeMs > now)) {
      asks++;
      now += 10;
      if (path.judge(now)) pausing.answered();
      else pausing.failed(entry.id, fault(502), queue.dueCount(now), now, wait);
      continue;
    }
    puts.set(entry.id, [...(puts.get(entry.id) ?? []), now]);
    const met = path.put(entry.id, bytes, now);
    const tookMs = met === null ? 10 : path.tookMs(bytes);
    now += tookMs;
    if (met === null) {
      delivered.set(entry.id, now);
      queue.remove(entry.id);
      pausing.answered();
      continue;
    }
    pausing.failed(entry.id, met, queue.dueCount(now), now, wait);
    waits.again(entry, met, NO_FIX, null, tookMs);
  }
  return { delivered, puts, asks, left: queue.size };
}

describe("a box with a limit of 1 MB", () => {
  const small = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`small${i}`, 100_000]));
  const large = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`large${i}`, 500 * MIB]));

  test("lets all small ones through within minutes, though the large ones came first", () => {
    const put = (_: string, bytes: number): Fault | null => (bytes > 1_000_000 ? fault(413) : null);
    const path: Path = { put, judge: () => true, tookMs: () => 50 };
    const { delivered, puts, left } = run({ ...large, ...small }, path, 2 * DAY_MS);
    expect([delivered.size, left]).toEqual([50, 20]);
    expect(Math.max(...delivered.values())).toBeLessThan(10 * 60_000);
    for (const id of Object.keys(large)) expect([id, (puts.get(id) ?? []).length > 500]).toEqual([id, true]);
  });

  test("that reads each body before it refuses it gets a fifth of the time at most", () => {
    const path: Path = { put: () => fault(413), judge: () => true, tookMs: () => 2 * HOUR_MS };
    const { puts } = run({ a: 500 * MIB }, path, 30 * DAY_MS);
    const tries = puts.get("a") ?? [];
    // A try of two hours, then six hours of rest: the longest there is.
    expect(tries.length).toBe(90);
    expect(Math.min(...tries.slice(1).map((at, i) => at - (tries[i] ?? 0)))).toBeGreaterThanOrEqual(8 * HOUR_MS);
  });
});

describe("a path that is dead for a day", () => {
  const episodes = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`ep${i}`, 1000]));
  const path: Path = {
    put: (_, __, now) => (now < DAY_MS ? fault(502) : null),
    judge: (now) => now >= DAY_MS,
    tookMs: () => 10,
  };

  test("is asked every two minutes, by each in its turn, and all is delivered minutes after it is back", () => {
    const { delivered, puts } = run(episodes, path, 2 * DAY_MS);
    expect(delivered.size).toBe(30);
    expect(Math.max(...delivered.values())).toBeLessThan(DAY_MS + 10 * 60_000);
    const tries = [...puts.values()].map((all) => all.filter((at) => at < DAY_MS).length);
    expect(tries.reduce((sum, count) => sum + count, 0)).toBeLessThan(2000);
    expect(Math.max(...tries) - Math.min(...tries)).toBeLessThanOrEqual(4);
  });
});

test("one poisoned episode among many never holds them up, and is tried again for ever", () => {
  const episodes = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`ep${i}`, 1000]));
  const path: Path = { put: (id) => (id === "ep0" ? fault(403) : null), judge: () => true, tookMs: () => 10 };
  const { delivered, puts, left } = run(episodes, path, DAY_MS);
  expect([delivered.size, left]).toEqual([99, 1]);
  expect(Math.max(...delivered.values())).toBeLessThan(60_000);
  expect((puts.get("ep0") ?? []).length).toBeGreaterThan(200);
});
