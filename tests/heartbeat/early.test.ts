// When a heartbeat goes ahead of its time.

import { describe, expect, test } from "bun:test";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isEarlyDue, PauseWatch, toldPause } from "../../lib/heartbeat/early.ts";
import { IDLE_SHIPPER } from "../support/shipper-status.ts";
import { tempDir } from "../support/temp-dir.ts";
import { agentWith, beat } from "./agent-support.ts";

describe("a heartbeat ahead of its time", () => {
  test.each<[string, Parameters<typeof isEarlyDue>, boolean]>([
    ["a pause began", [false, true, null, 100], true],
    ["a pause ended", [true, false, null, 100], true],
    ["nothing changed", [true, true, null, 100], false],
    ["nothing changed either", [false, false, null, 100], false],
    ["there is no report", [true, null, null, 100], false],
    ["nothing was told yet", [null, true, null, 100], false],
    ["one went 29 s ago", [false, true, 71, 100], false],
    ["one went 30 s ago", [false, true, 70, 100], true],
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
  // It has been told, and the other end must wait.
  expect(watch.isDue(told(PAUSE))).toBe(false);
  says(null);
  expect(watch.isDue(told(PAUSE))).toBe(false);
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
