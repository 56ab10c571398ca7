// How long the end of a check may take. The waits are counted, not measured: a clock that only our own waits move shows what was
// waited for, whatever else the machine did meanwhile.

import { expect, onTestFinished, spyOn, test } from "bun:test";
import { join } from "node:path";
import { Ladder } from "../../../lib/heartbeat/checks/ladder.ts";
import { killSession } from "../../../lib/heartbeat/checks/session.ts";
import { CHECK_TIMING_MS } from "../../../lib/heartbeat/checks/timing.ts";
import { CHECKS, endWithTest, isGone, sh, text } from "./process-support.ts";

/** What a result may take after its check's end (runCheckProcess), and of that the two searches for who is left. */
const PROMISE_MS = 250;
const SEARCHES_MS = 2 * CHECK_TIMING_MS.scan;
const LINGERS = join(CHECKS, "lingers.py");
/** Nobody has this number: kernel.pid_max is 2^22 at most. */
const NOBODY = 2 ** 22 + 1;

/** A clock that goes by `stepMs` when it is looked at, and by each wait at once. */
function countedClock(clock: { stepMs: number }): void {
  let nowMs = 0;
  const now = spyOn(performance, "now").mockImplementation(() => {
    nowMs += clock.stepMs;
    return nowMs;
  });
  const real = Bun.sleep;
  const sleep = spyOn(Bun, "sleep").mockImplementation(async (ms) => {
    // Others of this process wait for other times.
    if (ms !== CHECK_TIMING_MS.look && ms !== 0) return real(ms);
    nowMs += ms;
    await new Promise(setImmediate);
  });
  onTestFinished(() => {
    now.mockRestore();
    sleep.mockRestore();
  });
}

test("a result waits for outputs twice at most, though their holders stay: one that was killed, and one that cannot be", async () => {
  countedClock({ stepMs: 0 });
  const done = await sh(`${LINGERS} session; ${LINGERS} job`);
  const [session, job] = text(done.stdout)
    .trim()
    .split("\n")
    .map((line) => Number(line.split(" ")[1]));
  for (const pid of [session, job]) endWithTest(pid ?? 0);
  // Who is left is another test's: while a killed one has not ended, nobody can tell, and no time goes by here.
  expect(done).toMatchObject({ kind: "exited", code: 0, survivorsKilled: 1 });
  // It would have held the pipe for five minutes.
  expect(isGone(session ?? 0)).toBe(false);
  expect(done.durationMs).toBeWithin(2 * CHECK_TIMING_MS.drain, PROMISE_MS - SEARCHES_MS + 1);
});

test("a search for the members of a session ends in its time, whoever was not looked at by then", async () => {
  const child = Bun.spawn([LINGERS, "job"], { detached: true, stdout: "pipe" });
  await child.exited;
  const { value } = await child.stdout.getReader().read();
  const job = Number(new TextDecoder().decode(value).split(" ")[1]);
  endWithTest(job);
  const clock = { stepMs: CHECK_TIMING_MS.scan + 1 };
  countedClock(clock);
  expect(killSession(child.pid, "look for it")).toEqual({ killed: [], left: 0 });
  expect(isGone(job)).toBe(false);
  clock.stepMs = 0;
  expect(killSession(child.pid, "look for it")).toEqual({ killed: [job], left: 0 });
});

test("what SIGKILL does not end is waited for once, and so long that a result comes within one second of it", async () => {
  const waits: unknown[] = [];
  const real = setTimeout;
  const timers = spyOn(globalThis, "setTimeout").mockImplementation(((then: () => void, ms?: number) => {
    waits.push(ms);
    return real(then, 0);
  }) as typeof setTimeout);
  onTestFinished(() => timers.mockRestore());
  const ladder = new Ladder(NOBODY, null, { timeoutMs: 300_000, graceMs: 5000 });
  expect(await ladder.givenUp).toBe(false);
  ladder.end();
  expect(waits.slice(0, 2)).toEqual([300_000, 5000]);
  expect(waits).toHaveLength(3);
  expect(Number(waits[2])).toBeWithin(1, 1000 - PROMISE_MS + 1);
});
