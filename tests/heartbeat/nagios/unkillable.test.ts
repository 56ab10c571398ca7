// X20 through nagios_runner: a check that SIGKILL does not reach gets its result, gives its place to the next one, and is
// not started again while it lives.

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Observation } from "../../../lib/heartbeat/plugin.ts";
import { lineReader } from "../../support/lines.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { endWithTest, isGone } from "../checks/process-support.ts";
import { asNobody, missing, unkillable } from "../checks/unkillable-support.ts";

const name = "X20 a check that cannot be killed is given up, holds no place, and is not started again while it lives";

/** A runner with one that cannot be killed and one that is fine behind it. */
async function start(timeout: number) {
  const dir = tempDir();
  const pids = join(dir, "pids");
  const words = unkillable(dir, `echo $$ >>${pids}; exec sleep 300`);
  const commands = [
    { name: "stuck", command: words },
    { name: "good", command: "echo OK" },
  ];
  const settings = JSON.stringify({ timeout, grace: 0.1, commands });
  const child = await asNobody(dir, join(import.meta.dir, "collect-by-line.ts"), [settings]);
  const next = lineReader(child.stdout);
  return {
    child,
    collect: async (): Promise<Observation[]> => {
      child.stdin.write("\n");
      await child.stdin.flush();
      return JSON.parse((await next()) ?? "[]");
    },
    pids: (): number[] => {
      const found = existsSync(pids) ? readFileSync(pids, "utf8").trim().split("\n").map(Number) : [];
      found.forEach(endWithTest);
      return found;
    },
  };
}

test.skipIf(missing !== null)(
  missing === null ? name : `${name} (skipped: ${missing})`,
  async () => {
    // Time enough to become another user's: until then it can be killed like any.
    for (const timeout of [0.3, 3, 20]) {
      const { child, collect, pids } = await start(timeout);
      const [stuck, good] = await collect();
      const [pid = 0] = pids();
      const holds = stuck?.notes?.unkillable === true;
      if (holds) {
        expect(stuck).toMatchObject({ name: "stuck", status: "unknown", message: `timed out after ${timeout} s` });
        expect(stuck?.notes).toEqual({ timed_out: true, unkillable: true });
        expect(good).toMatchObject({ name: "good", status: "ok" });
        expect(isGone(pid)).toBe(false);
        await refusesUntilGone(pid, stuck, collect, pids);
      }
      child.stdin.end();
      expect(await child.exited).toBe(0);
      if (holds) return;
    }
    throw new Error("the check never got its turn");
  },
  180_000,
);

async function refusesUntilGone(
  pid: number,
  first: Observation | undefined,
  collect: () => Promise<Observation[]>,
  pids: () => number[],
): Promise<void> {
  const [again, good] = await collect();
  expect(again).toMatchObject({
    message: `not started: its run begun ${first?.started_at} cannot be killed and lives on`,
    ...{ status: "unknown", notes: { unkillable: true } },
  });
  expect(again?.run ?? 0).toBeGreaterThan(first?.run ?? 0);
  expect(good).toMatchObject({ name: "good", status: "ok" });
  expect(pids()).toEqual([pid]);
  process.kill(pid, "SIGKILL");
  while (pids().length < 2) await collect();
}
