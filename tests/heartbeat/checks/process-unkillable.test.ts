// X20: a check that we cannot kill. A result comes all the same, and our process ends without waiting for it.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { tempDir } from "../../support/temp-dir.ts";
import { endWithTest, isGone } from "./process-support.ts";
import { asNobody, missing, unkillable } from "./unkillable-support.ts";

const name = "X20 a check that SIGKILL does not reach is given up, said to be so, and holds nobody";

test.skipIf(missing !== null)(missing === null ? name : `${name} (skipped: ${missing})`, async () => {
  const dir = tempDir();
  const words = unkillable(dir, "echo $$ $(id -ru); exec sleep 300");
  const child = await asNobody(dir, join(import.meta.dir, "../../fixtures/programs/run-check.ts"), words);
  const done = JSON.parse(await child.stdout.text());
  expect(await child.exited).toBe(0);
  const [pid, uid] = String(done.stdout).trim().split(" ").map(Number);
  endWithTest(pid ?? 0);
  expect(uid).toBe(0);
  // It stays for five minutes, and our process has ended: nobody waited for it.
  expect(isGone(pid ?? 0)).toBe(false);
  expect(done).toMatchObject({ kind: "timed_out", code: null, signal: null, unkillable: true });
  // Its time-out and its grace; a busy machine makes it longer, and nothing shorter.
  expect(done.durationMs).toBeGreaterThanOrEqual(100 + 100);
});
