// Who is in a session: in which order its members are looked for, since there is little time and /proc may be long, and who is about to end.

import { expect, onTestFinished, test } from "bun:test";
import { isEnding, likeliestFirst, readSession } from "../../../lib/heartbeat/checks/session.ts";
import { endWithTest, until } from "./process-support.ts";

test.each([
  [["1", "40", "self", "101", "100", "99", "4000"], 100, [100, 101, 4000, 1, 40, 99]],
  // The numbers have gone round since.
  [["3", "4194303", "4194200", "4000"], 4_194_300, [4194303, 3, 4000, 4194200]],
])("of %p, those that began after %p come first", (names, session, pids) => {
  expect(likeliestFirst(names, session)).toEqual(pids);
});

test("one that was killed is about to end while it is there, unless the kernel holds it or it has another session", async () => {
  const ready = async (child: Bun.Subprocess<"ignore", "pipe">): Promise<void> =>
    void (await child.stdout.getReader().read());
  const sleeper = Bun.spawn(["sh", "-c", "echo; exec sleep 300"], { detached: true, stdin: "ignore" });
  endWithTest(sleeper.pid);
  await ready(sleeper);
  expect([isEnding(sleeper.pid, sleeper.pid), isEnding(sleeper.pid, process.pid)]).toEqual([true, false]);
  sleeper.kill("SIGKILL");
  await sleeper.exited;
  expect(isEnding(sleeper.pid, sleeper.pid)).toBe(false);
  // A parent that has called vfork(2) waits in state D until its child ends.
  const script = "import ctypes, time; print(flush=True); ctypes.CDLL(None).vfork(); time.sleep(300)";
  const held = Bun.spawn(["python3", "-c", script], { detached: true, stdin: "ignore" });
  // With its child, which runs in its memory.
  onTestFinished(() => process.kill(-held.pid, "SIGKILL"));
  await ready(held);
  await until(() => readSession(String(held.pid))?.state === "D");
  expect(isEnding(held.pid, held.pid)).toBe(false);
});
