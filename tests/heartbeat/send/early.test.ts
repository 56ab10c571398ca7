// When a heartbeat goes ahead of its time.

import { describe, expect, test } from "bun:test";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isEarlyDue, PauseWatch, toldPause } from "../../../lib/heartbeat/send/early.ts";
import { IDLE_SHIPPER } from "../../support/shipper-status.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { agentWith, beat } from "../agent-support.ts";

describe("a heartbeat ahead of its time", () => {
  test.each<[string, Parameters<typeof isEarlyDue>, boolean]>([
    ["a pause began", [false, true, [], 100], true],
    ["a pause ended", [true, false, [], 100], true],
    ["nothing changed", [true, true, [], 100], false],
    ["nothing changed either", [false, false, [], 100], false],
    ["there is no report", [true, null, [], 100], false],
    ["nothing was told yet", [null, true, [], 100], false],
    ["one went a moment ago", [false, true, [99], 100], true],
    ["two went within a minute", [false, true, [41, 99], 100], false],
    ["of two one went a minute ago", [false, true, [40, 99], 100], true],
  ])("%s", (_, facts, isDue) => {
    expect(isEarlyDue(...facts)).toBe(isDue);
  });
  test("what was told is what the newest collection saw, of any release", () => {
    const pause = { kind: "failing", reason: "", detail: "", fix: null, since: "", next_try_at: null } as const;
    const old = { pending: 0, outbox: 0, quarantined: 0, oldest_pending_s: null };
    expect([null, { queue: null }, { queue: old }, { queue: { ...old, paused: pause } }].map(toldPause)).toEqual([
      null,
      null,
      false,
      true,
    ]);
  });
});

const PAUSE = {
  kind: "failing",
  reason: "r",
  detail: "d",
  fix: null,
  since: "2026-05-01T05:12:00.000Z",
  next_try_at: null,
} as const;
const told = (paused: typeof PAUSE | null) => ({
  queue: { pending: 0, outbox: 0, quarantined: 0, oldest_pending_s: null, paused },
});

function shipper() {
  const runDir = tempDir();
  const path = join(runDir, "status.json");
  const says = (paused: typeof PAUSE | null, pid = process.pid): void => {
    writeFileSync(`${path}.tmp`, JSON.stringify({ ...IDLE_SHIPPER, pid, uptime_s: 1e9, paused }));
    renameSync(`${path}.tmp`, path);
  };
  return { watch: new PauseWatch({ dataRoot: tempDir(), runDir }), says, path };
}

test("the shipper's report is read when it is another, and a change is told once", () => {
  const { watch, says, path } = shipper();
  expect(watch.isDue(told(null))).toBe(false);
  says(null);
  expect(watch.isDue(told(null))).toBe(false);
  says(PAUSE);
  expect(watch.isDue(told(null))).toBe(true);
  expect(watch.isDue(told(PAUSE))).toBe(false);
  // Its end is told at once, too; one that begins right after it must wait.
  says(null);
  expect(watch.isDue(told(PAUSE))).toBe(true);
  says(PAUSE);
  expect(watch.isDue(told(null))).toBe(false);
  rmSync(path);
  expect(watch.isDue(told(PAUSE))).toBe(false);
});

test("a shipper that is gone has neither begun nor ended a pause", () => {
  const { watch, says } = shipper();
  const child = Bun.spawn([process.execPath, "-e", "setInterval(() => {}, 1000)"]);
  says(PAUSE, child.pid);
  expect(watch.isDue(told(PAUSE))).toBe(false);
  child.kill("SIGKILL");
  return child.exited.then(() => expect(watch.isDue(told(null))).toBe(false));
});

test("only the queue is asked: the agent hands on which plugin it is, and numbers the heartbeat", async () => {
  const { agent, sent } = agentWith([]);
  const asked: (string | null)[] = [];
  const { collect } = agent.deps;
  agent.deps.collect = (run, signal, only) => {
    asked.push(only);
    return collect(run, signal, only);
  };
  await beat(agent);
  await agent.beat("queue");
  await agent.settled();
  expect(asked).toEqual([null, "queue"]);
  expect(sent.map(({ sequence }) => sequence)).toEqual([1, 2]);
});
