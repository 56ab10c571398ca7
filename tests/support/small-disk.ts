// A real file system of a few megabytes, to be filled.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why there can be none here, or null. */
export const smallDiskMissing: string | null = process.getuid?.() === 0 ? null : "needs root to mount a small disk";

/** Mounts a tmpfs of so many MiB; gone when disposed of. */
export function smallDisk(mebibytes: number): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "labfleet-disk-"));
  const done = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", path], { stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(`cannot mount a small disk: ${done.stderr.toString()}`);
  return {
    path,
    [Symbol.dispose]() {
      Bun.spawnSync(["umount", "-l", path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}
