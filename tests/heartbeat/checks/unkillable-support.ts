// A check that SIGKILL does not reach, as sudo makes one, and a program of ours as the user who starts it. To that user it
// is like a process that is stuck in the kernel. Needs root and setpriv.

import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";

const NOBODY = 65_534;

/** Why there can be none here; null where there can. */
export const missing =
  process.getuid?.() !== 0 ? "needs root" : Bun.which("setpriv") === null ? "needs setpriv of util-linux" : null;

/** The words of a check that runs `script`. @param dir an empty directory, which all may enter from now on */
export function unkillable(dir: string, script: string): string[] {
  chmodSync(dir, 0o755);
  // A setuid program of root that then is root altogether: nobody may signal it no more (kill(2)).
  const setpriv = join(dir, "setpriv");
  copyFileSync(Bun.which("setpriv") ?? "", setpriv);
  chmodSync(setpriv, 0o4755);
  return [setpriv, "--reuid=0", "--regid=0", "--clear-groups", "sh", "-c", script];
}

/** Starts a program of the tests as nobody, who may not read our project. */
export async function asNobody(dir: string, program: string, args: readonly string[]) {
  const built = await Bun.build({ entrypoints: [program], target: "bun" });
  const bundle = join(dir, "program.js");
  await Bun.write(bundle, (await built.outputs[0]?.text()) ?? "");
  const bun = join(dir, "bun");
  copyFileSync(process.execPath, bun);
  chmodSync(bun, 0o755);
  return Bun.spawn([bun, bundle, ...args], {
    ...{ uid: NOBODY, gid: NOBODY, cwd: "/", env: { PATH: "/usr/bin:/bin" } },
    ...{ stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  });
}
