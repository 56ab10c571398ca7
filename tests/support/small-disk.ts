// A real file system of a few megabytes, to be filled, or to be treated like a disk: ext4 has the attributes of chattr(1).

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const PATH = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;

/** Why there can be none here, or null. */
export const smallDiskMissing: string | null = process.getuid?.() === 0 ? null : "needs root to mount a small disk";

/** Why there can be no ext4 here, or null. */
export const ext4DiskMissing: string | null =
  smallDiskMissing ?? (Bun.which("mkfs.ext4", { PATH }) === null ? "needs mkfs.ext4" : null);

type SmallDisk = Disposable & { path: string };

/** Mounts a tmpfs of so many MiB, and with so many inodes; gone when disposed of. */
export function smallDisk(mebibytes: number, inodes = 100_000): SmallDisk {
  return mounted(["-t", "tmpfs", "-o", `size=${mebibytes}m,nr_inodes=${inodes}`, "tmpfs"]);
}

/** Mounts an ext4 of so many MiB, from a file; gone when disposed of. */
export function ext4Disk(mebibytes: number): SmallDisk {
  const image = join(mkdtempSync(join(tmpdir(), "labfleet-image-")), "image");
  run(["truncate", "-s", `${mebibytes}M`, image]);
  run(["mkfs.ext4", "-q", image]);
  const disk = mounted(["-o", "loop", image]);
  // The loop device keeps the file open.
  rmSync(dirname(image), { recursive: true });
  return disk;
}

function mounted(options: readonly string[]): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), "labfleet-disk-"));
  run(["mount", ...options, path]);
  return {
    path,
    [Symbol.dispose]() {
      run(["umount", "-l", path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function run(command: string[]): void {
  const done = Bun.spawnSync(command, { env: { PATH }, stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(`${command.join(" ")}: ${done.stderr.toString()}`);
}
