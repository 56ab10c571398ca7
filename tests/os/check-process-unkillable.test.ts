// X20: a check that we cannot kill, as sudo makes one: it has become another user's. To us it is like one that is stuck in
// the kernel: SIGKILL does nothing. A result comes all the same, and our process ends without waiting for it.

import { expect, test } from "bun:test";
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../support/temp-dir.ts";
import { endWithTest, isGone, NEVER_MS } from "./check-process-support.ts";

const NOBODY = 65_534;
const missing =
  process.getuid?.() !== 0 ? "needs root" : Bun.which("setpriv") === null ? "needs setpriv of util-linux" : null;
const name = "X20 a check that SIGKILL does not reach is given up, said to be so, and holds nobody";

test.skipIf(missing !== null)(missing === null ? name : `${name} (skipped: ${missing})`, async () => {
  // A setuid program of root that then is root altogether: nobody may signal it no more (kill(2)).
  const dir = tempDir();
  chmodSync(dir, 0o755);
  const setpriv = join(dir, "setpriv");
  copyFileSync(Bun.which("setpriv") ?? "", setpriv);
  chmodSync(setpriv, 0o4755);
  const script = "echo $$ $(id -ru); exec sleep 300";
  const runner = join(dir, "run-check.js");
  await Bun.write(runner, await bundled());
  const bun = join(dir, "bun");
  copyFileSync(process.execPath, bun);
  chmodSync(bun, 0o755);
  const child = Bun.spawn([bun, runner, setpriv, "--reuid=0", "--regid=0", "--clear-groups", "sh", "-c", script], {
    uid: NOBODY,
    gid: NOBODY,
    cwd: "/",
    stdout: "pipe",
    stderr: "inherit",
    env: { PATH: "/usr/bin:/bin" },
  });
  const done = JSON.parse(await child.stdout.text());
  expect(await child.exited).toBe(0);
  const [pid, uid] = String(done.stdout).trim().split(" ").map(Number);
  endWithTest(pid ?? 0);
  expect(uid).toBe(0);
  expect(isGone(pid ?? 0)).toBe(false);
  expect(done).toMatchObject({ kind: "timed_out", code: null, signal: null, unkillable: true });
  expect(done.durationMs).toBeGreaterThanOrEqual(100 + 100);
  expect(done.durationMs).toBeLessThan(NEVER_MS);
});

/** One file, for a user who may not read our project. */
async function bundled(): Promise<string> {
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, "../fixtures/programs/run-check.ts")],
    target: "bun",
  });
  return (await built.outputs[0]?.text()) ?? "";
}
