// How a check is ended: which rungs there are, whom they reach, and how a cancellation shortens them.

import { expect, onTestFinished, test } from "bun:test";
import type { CheckCgroup } from "../../../lib/heartbeat/checks/cgroup.ts";
import { Ladder } from "../../../lib/heartbeat/checks/ladder.ts";
import { lineReader } from "../../support/lines.ts";
import { isGone, NEVER_MS, until } from "./process-support.ts";

const IDLE = "while :; do sleep 0.05; done";

/** A script in a session of its own, as a check's first process is; all of it ends with the test. */
function start(script: string) {
  const child = Bun.spawn(["/bin/sh", "-c", script], { detached: true, stdout: "pipe", stderr: "ignore" });
  onTestFinished(() => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // All gone, as it should be.
    }
  });
  return { child, next: lineReader(child.stdout) };
}

test("SIGTERM reaches the children too: a leader that waits for them ends in order", async () => {
  const { child, next } = start(
    `(trap 'echo child; exit' TERM; echo ready; ${IDLE}) & trap 'wait; echo leader; exit 7' TERM; echo ready; ${IDLE}`,
  );
  expect([await next(), await next()]).toEqual(["ready", "ready"]);
  const ladder = new Ladder(child.pid, null, { timeoutMs: 1, graceMs: NEVER_MS });
  expect([await next(), await next()]).toEqual(["child", "leader"]);
  expect(await child.exited).toBe(7);
  ladder.end();
  expect(ladder.cause).toBe("timed_out");
});

test("SIGKILL reaches the children too, and the cgroup, once", async () => {
  const { child, next } = start(`trap '' TERM; sleep 300 >/dev/null & echo $!; ${IDLE}`);
  const pid = Number(await next());
  let kills = 0;
  const cgroup: CheckCgroup = { directory: "", count: () => 0, kill: () => void kills++, remove: () => true };
  const ladder = new Ladder(child.pid, cgroup, { timeoutMs: 1, graceMs: 1 });
  await child.exited;
  ladder.end();
  expect([child.signalCode, kills]).toEqual(["SIGKILL", 1]);
  await until(() => isGone(pid));
});

test("a cancellation has a grace of its own, never a longer one", async () => {
  for (const [graceMs, cancelGraceMs] of [
    [NEVER_MS, 1],
    [1, NEVER_MS],
  ] as const) {
    const { child, next } = start(`trap '' TERM; echo ready; ${IDLE}`);
    await next();
    const stop = new AbortController();
    const ladder = new Ladder(child.pid, null, { timeoutMs: NEVER_MS, graceMs, cancelGraceMs, signal: stop.signal });
    stop.abort();
    await child.exited;
    ladder.end();
    expect([ladder.cause, child.signalCode]).toEqual(["cancelled", "SIGKILL"]);
  }
});

test("a cancellation shortens the grace of one that has timed out, which keeps its cause", async () => {
  const { child, next } = start(`trap 'echo asked' TERM; echo ready; ${IDLE}`);
  await next();
  const stop = new AbortController();
  const options = { timeoutMs: 1, graceMs: NEVER_MS, cancelGraceMs: 1, signal: stop.signal };
  const ladder = new Ladder(child.pid, null, options);
  expect(await next()).toBe("asked");
  stop.abort();
  await child.exited;
  ladder.end();
  expect([ladder.cause, child.signalCode]).toEqual(["timed_out", "SIGKILL"]);
});

test("what SIGKILL does not end is given up", async () => {
  // Nobody has this number: kernel.pid_max is 2^22 at most.
  const ladder = new Ladder(2 ** 22 + 1, null, { timeoutMs: 1, graceMs: 1 });
  expect(await ladder.givenUp).toBe(false);
  ladder.end();
});
