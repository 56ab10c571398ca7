// Whether the collector can store, for those who look: said once when it changes, and never older than it is.

import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inWords } from "../../../lib/core/finding.ts";
import type { NotReady } from "../../../lib/receiver/episode-store.ts";
import { readStoring, watchReadiness } from "../../../lib/receiver/readiness/readiness-watch.ts";
import { cleanUp, keptLog, onCleanUp, tempDir } from "../support.ts";

afterEach(cleanUp);

const T0 = Date.parse("2026-05-01T12:00:00Z");
const FULL: NotReady = { kind: "bytes", why: "5 MiB free, below the reserve of 1.0 GiB", fix: inWords("make room") };
const FULLER: NotReady = { ...FULL, why: "4 MiB free, below the reserve of 1.0 GiB" };
const GONE: NotReady = { kind: "refused", why: "read-only", fix: null };

function watched() {
  const runDir = tempDir();
  const log = keptLog();
  const state = { seen: null as NotReady | null, probed: null as NotReady | null, probes: 0, monoMs: 0 };
  const watch = watchReadiness({
    runDir,
    log,
    glance: () => state.seen,
    probe: async () => {
      state.probes++;
      return state.probed;
    },
    nowMs: () => T0,
    monoMs: () => state.monoMs,
  });
  onCleanUp(() => watch.stop());
  return { runDir, log, state, watch };
}

test("what is wrong is said once, with what mends it, and so is its end", async () => {
  const { log, state, watch } = watched();
  await watch.look();
  state.seen = FULL;
  await watch.look();
  state.seen = FULLER;
  await watch.look();
  expect(watch.found).toEqual(FULLER);
  state.seen = GONE;
  await watch.look();
  state.seen = null;
  await watch.look();
  expect(watch.found).toBeNull();
  expect(log.lines).toEqual([
    "warn: no episode can be stored: 5 MiB free, below the reserve of 1.0 GiB; fix: make room",
    "warn: no episode can be stored: read-only",
    "info: episodes can be stored again",
  ]);
});

test("it is tried by a write at the start, every five minutes, and before all is said to be well again", async () => {
  const { state, watch } = watched();
  await watch.look();
  expect(state.probes).toBe(1);
  state.monoMs = 299_999;
  await watch.look();
  expect(state.probes).toBe(1);
  state.monoMs = 300_000;
  state.probed = GONE;
  await watch.look();
  expect([state.probes, watch.found]).toEqual([2, GONE]);
  await watch.look();
  expect([state.probes, watch.found]).toEqual([3, GONE]);
  state.probed = null;
  await watch.look();
  expect([state.probes, watch.found]).toEqual([4, null]);
  await watch.look();
  expect(state.probes).toBe(4);
});

test("once the disk has refused something it is tried by a write at once, but once a second at most", async () => {
  const { runDir, state, watch } = watched();
  await watch.look();
  state.probed = GONE;
  for (let i = 0; i < 100; i++) watch.doubt();
  expect(state.probes).toBe(1);
  state.monoMs = 1000;
  for (let i = 0; i < 100; i++) watch.doubt();
  expect(state.probes).toBe(2);
  while (watch.found === null) await Bun.sleep(1);
  expect(readStoring(runDir, T0)).toMatchObject({ ready: false, why: "read-only" });
  // What was refused within that second is seen by the next look.
  state.probed = null;
  await watch.look();
  watch.doubt();
  await watch.look();
  expect(state.probes).toBe(4);
  expect<unknown>(watch.found).toBeNull();
});

describe("who looks", () => {
  test("reads what was found", async () => {
    const { runDir, state, watch } = watched();
    await watch.look();
    expect(readStoring(runDir, T0)).toEqual({ ready: true, why: null, fix: null });
    state.seen = FULL;
    await watch.look();
    expect(readStoring(runDir, T0 + 60_000)).toEqual({ ready: false, why: FULL.why, fix: "make room" });
  });

  test.each([
    ["a minute old, and a bit", 60_001],
    ["from the future", -60_001],
  ])("is not told what is out of date: %s", async (_, laterMs) => {
    const { runDir, watch } = watched();
    await watch.look();
    expect(readStoring(runDir, T0 + laterMs)).toMatchObject({ ready: null, why: expect.stringContaining("any more") });
  });

  test.each(["", "{", "null", '{"at":"x","ready":true}', '{"at":"2026-05-01T12:00:00Z","ready":1}'])(
    "is told nothing by %j",
    (text) => {
      const runDir = tempDir();
      writeFileSync(join(runDir, "readiness.json"), text);
      expect(readStoring(runDir, T0)).toMatchObject({ ready: null, why: expect.stringContaining("not said yet") });
    },
  );
});

test("a run directory that is gone is said once, and ends nothing", async () => {
  const { runDir, log, watch } = watched();
  rmSync(runDir, { recursive: true });
  await watch.look();
  await watch.look();
  expect(log.lines).toHaveLength(1);
  mkdirSync(runDir);
  await watch.look();
  expect(JSON.parse(readFileSync(join(runDir, "readiness.json"), "utf8"))).toMatchObject({ ready: true });
});
