// How the checks of nagios_runner stand beside each other: who runs when, and what is said of one that has no result yet.
// Checks that end when they are told to; real processes are in beside-real.test.ts.

import { describe, expect, test } from "bun:test";
import { availableParallelism } from "node:os";
import { runCheckProcess } from "../../../lib/heartbeat/checks/process.ts";
import { CollectState, collectAll } from "../../../lib/heartbeat/collect/collect.ts";
import { checksAtOnce } from "../../../lib/heartbeat/nagios/limiter.ts";
import type { Observation } from "../../../lib/heartbeat/plugin.ts";
import { fitted } from "../../../lib/heartbeat/send/fit.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { until } from "../checks/process-support.ts";
import { byHand, exited, rig } from "./support.ts";

const brief = (said: readonly Observation[]): string[] => said.map(({ name, message }) => `${name}: ${message}`);
const hung = { kind: "timed_out", code: null, signal: 15 } as const;

describe("a check that has no result yet", () => {
  test("is in the first heartbeat, waiting or running, and stays one and the same until it has one", async () => {
    const { started, ended, collectUntil, pass } = byHand(["a", "b", "c"], { atOnce: 1 });
    const first = await collectUntil(() => started.length === 1);
    expect(brief(first)).toEqual([
      "a: its first run has not ended yet: begun 0 s ago",
      "b: waiting for its turn: one check runs at a time",
      "c: waiting for its turn: one check runs at a time",
    ]);
    const always = { status: "unknown", run: 0, started_at: "2025-06-15T15:06:40.000Z", ttl_s: 130, duration_ms: 0 };
    for (const said of first) expect(said).toMatchObject({ ...always, notes: { pending: true } });
    pass(12);
    await ended("a", "A");
    pass(48);
    const second = await collectUntil(() => started.length === 2);
    expect(brief(second)).toEqual([
      "a: A",
      "b: its first run has not ended yet: begun 48 s ago",
      "c: waiting for its turn: one check runs at a time",
    ]);
    expect(second[1]).toMatchObject({ ...always, notes: { pending: true, overlaps: 1 } });
    // One that waits has not even begun: it cannot be an overlap.
    expect(second[2]).toEqual({ ...first[2] } as never);
    await ended("b", "B");
    pass(60);
    const [, b] = await collectUntil(() => true);
    expect(b).toMatchObject({ message: "B", started_at: "2025-06-15T15:06:52.000Z" });
    expect([b?.run, b?.notes]).toEqual([1_750_000_012, { exit_code: 0 }]);
  });

  test("a result that expires while the next run waits says that it waits, again as one and the same", async () => {
    const { started, ended, collectUntil, pass } = byHand(["slow", "it"], { atOnce: 1 });
    await collectUntil(() => started.length === 1);
    await ended("slow", "S");
    pass(13);
    await ended("it", "A");
    pass(60);
    await collectUntil(() => started.length === 3);
    expect(started).toEqual(["slow", "it", "slow"]);
    // Its time began when the result came, not with the run.
    pass(69);
    expect((await collectUntil(() => true))[1]).toMatchObject({ status: "ok", message: "A" });
    const message = "no result since 2025-06-15T15:06:53.000Z; waiting for its turn: one check runs at a time";
    const expired = { message, status: "unknown", started_at: "2025-06-15T15:06:40.000Z", run: 1_750_000_001 };
    for (const again of [1, 60]) {
      pass(again);
      const [, it] = await collectUntil(() => true);
      expect(it).toMatchObject({ ...expired, notes: { pending: true } });
    }
  });
});

test("two thousand small checks are all run, and one heartbeat carries them", async () => {
  const names = Array.from({ length: 2000 }, (_, i) => `check number ${i}`);
  const text = "OK - 5 % used | used=5%;80;90;0;100";
  const stdout = { bytes: new TextEncoder().encode(text), dropped: 0 };
  const { runner } = rig(
    { commands: names.map((name) => ({ name, command: [name] })) },
    { runProcess: () => Promise.resolve({ ...exited, stdout }) },
  );
  const results = await collectAll([runner], {
    ...{ deadlineMs: 60_000, intervalS: 60, run: 1, absent: [], state: new CollectState(), log: quietLog },
    ...{ signal: new AbortController().signal, nowMs: () => 0 },
  });
  expect(results.map(({ name }) => name)).toEqual(names);
  const heartbeat = {
    ...{ sequence: 1, uptime_s: 1, interval_s: 60, versions: {}, queue: null, plugins: [] },
    results,
  };
  const times = { host_id: "h", boot_id: "b", sent_at: "2026-05-01T06:00:00Z" };
  expect(JSON.parse(fitted({ ...times, ...heartbeat })).results).toEqual(results);
});

describe("who runs when", () => {
  test("a collection returns at its deadline with what there is; the rest comes with the next", async () => {
    const { started, end, ended, collectUntil, runner } = byHand(["fast", "slow"]);
    const first = await collectUntil(() => {
      if (started.length === 2) end("fast", "A");
      return started.length === 2;
    });
    expect(brief(first)).toEqual(["fast: A", "slow: its first run has not ended yet: begun 0 s ago"]);
    await ended("slow", "B");
    expect(brief(await collectUntil(() => started.length === 4))).toEqual(["fast: A", "slow: B"]);
    await runner.close();
  });

  test("never more than the limit at once, in the order of the configuration", async () => {
    const names = Array.from({ length: 5 }, (_, i) => `c${i}`);
    const { started, ended, collectUntil, runner } = byHand(names, { atOnce: 2 });
    await collectUntil(() => started.length === 2);
    expect(started).toEqual(["c0", "c1"]);
    await ended("c1", "x");
    expect(started).toEqual(["c0", "c1", "c2"]);
    await runner.close();
    expect(started).toEqual(["c0", "c1", "c2"]);
  });

  test("the limit is that of this machine's cores where no test sets another", async () => {
    const names = Array.from({ length: 40 }, (_, i) => `c${i}`);
    const { started, collectUntil, runner } = byHand(names);
    const most = checksAtOnce(availableParallelism());
    const said = await collectUntil(() => started.length > 0);
    expect(started).toEqual(names.slice(0, most));
    expect(said.at(-1)?.message).toBe(`waiting for its turn: ${most} checks run at once`);
    await runner.close();
  });

  test("checks that hung last time are started last, and leave a place to the others even where rounds overlap", async () => {
    const { started, ended, collectUntil, pass, runner } = byHand(["h1", "h2", "h3", "good"], { atOnce: 2 });
    await collectUntil(() => started.length === 2);
    for (const name of ["h1", "h2", "h3"]) await ended(name, "", hung);
    await ended("good", "G");
    expect(started.splice(0)).toEqual(["h1", "h2", "h3", "good"]);
    pass(60);
    await collectUntil(() => started.length === 2);
    expect(started).toEqual(["good", "h1"]);
    await ended("good", "G");
    // The place is free, but the last one is none for h2 and h3.
    expect(started.splice(0)).toEqual(["good", "h1"]);
    pass(60);
    await collectUntil(() => started.length === 1);
    expect(started.splice(0)).toEqual(["good"]);
    await ended("good", "G");
    await ended("h1", "", hung);
    expect(started.splice(0)).toEqual(["h2"]);
    // It ends by itself, and is like the others again.
    await ended("h2", "H2");
    expect(started.splice(0)).toEqual(["h3"]);
    await ended("h3", "", hung);
    pass(60);
    await collectUntil(() => started.length === 2);
    expect(started).toEqual(["h2", "good"]);
    await runner.close();
  });

  test("a collection does not wait for the time-out of a check that hung the last time", async () => {
    const { started, end, collect, pass, runner } = byHand(["stuck", "fine"]);
    const round = async (): Promise<string[]> => {
      const before = started.length;
      const collected = collect();
      await until(() => started.length === before + 2);
      end("fine", "OK");
      if (before === 0) end("stuck", "", hung);
      return brief(await collected);
    };
    expect(await round()).toEqual(["stuck: timed out after 10 s", "fine: OK"]);
    pass(60);
    // It hangs on, and a collection may take 24 s: this one ends all the same.
    expect(await round()).toEqual(["stuck: timed out after 10 s", "fine: OK"]);
    await runner.close();
  });

  test("between its runs a check with an interval keeps its result, time and number; a failed refresh is shown", async () => {
    const { started, end, collect, collectUntil, pass } = byHand(["it"], { interval: 300 });
    const run = async (text: string, more: Parameters<typeof end>[2] = {}) => {
      const count = started.length;
      const collected = collect();
      await until(() => started.length === count + 1);
      end("it", text, more);
      return (await collected)[0];
    };
    const first = await run("A");
    expect(first).toMatchObject({ message: "A", ttl_s: 610 });
    pass(60);
    expect((await collectUntil(() => true))[0]).toMatchObject({
      ...{ message: "A", run: first?.run, started_at: first?.started_at, ttl_s: 610 },
    });
    expect(started.length).toBe(1);
    pass(240);
    const failed = await run("", { kind: "timed_out", code: null });
    expect(failed).toMatchObject({
      ...{ status: "ok", message: "A", run: first?.run, ttl_s: 610 },
      notes: { refresh_failed: "timed out after 10 s" },
    });
    pass(300);
    const second = await run("B");
    expect(second).toMatchObject({ message: "B", ttl_s: 610 });
    expect(second?.notes).toEqual({ exit_code: 0 });
    expect(second?.run ?? 0).toBeGreaterThan(first?.run ?? 0);
  });

  test("a fault of ours in one check is its result, is logged, and takes nobody along", async () => {
    const commands = ["bad", "good"].map((name) => ({ name, command: [name] }));
    const { collect, lines } = rig(
      { commands },
      {
        runProcess: async (options) => {
          if (options.words[0] === "bad") throw new Error("ours");
          return runCheckProcess({ ...options, words: ["echo", "OK"] });
        },
      },
    );
    expect(brief(await collect())).toEqual(["bad: not run, by a fault of labfleet: ours", "good: OK"]);
    expect(lines).toContain("error check failed check=bad why=ours");
  });
});
