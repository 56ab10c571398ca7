// The start on data roots as they really are: bind mounts, read-only disks, no inodes. What is said, how it ends, and that the
// line that is printed mends it.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dataDirs } from "../../lib/contract/places.ts";
import { UserError } from "../../lib/core/failure.ts";
import type { Log } from "../../lib/runtime/log/log.ts";
import { parseShipperConfig } from "../../lib/shipper/config.ts";
import { makeDataDirs, PROBE, tidyDataRoot } from "../../lib/shipper/data-root.ts";
import { inText } from "../support/in-text.ts";
import { quietLog } from "../support/quiet-log.ts";
import { smallDisk, smallDiskMissing } from "../support/small-disk.ts";
import { tempDir } from "../support/temp-dir.ts";

const diskTest = (name: string, body: () => Promise<void>): void =>
  test.skipIf(smallDiskMissing !== null)(
    smallDiskMissing === null ? name : `${name} (skipped: ${smallDiskMissing})`,
    body,
  );

/** Starts on a data root as far as its directories go; what was refused, or null. */
async function start(dataRoot: string, log: Log = quietLog): Promise<UserError | null> {
  const text = `host_id = "lab1"\n[paths]\ndata_root = "${dataRoot}"\n[receiver]\nurl = "http://127.0.0.1:9"\n`;
  const { config } = parseShipperConfig(text, "lab-host.toml");
  const dirs = dataDirs(config.dataRoot);
  try {
    await makeDataDirs(config, dirs, log);
    await tidyDataRoot(dirs, log);
    return null;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error;
  }
}

const sh = (script: string): void => {
  const done = Bun.spawnSync(["sh", "-ec", script], { stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
};

describe("a start", () => {
  test("makes the directories and leaves no trace of the question whether episodes can be moved", async () => {
    const root = join(tempDir(), "a/b");
    expect(await start(root)).toBeNull();
    expect(await start(root)).toBeNull();
    expect(readdirSync(root).sort()).toEqual(["episodes", "outbox", "quarantine", "shipped"]);
    for (const name of readdirSync(root)) expect(readdirSync(join(root, name))).toEqual([]);
  });

  test("clears what an interrupted one left of it", async () => {
    const root = tempDir();
    for (const name of ["shipped", "episodes"]) mkdirSync(join(root, name, PROBE), { recursive: true });
    expect(await start(root)).toBeNull();
    for (const name of readdirSync(root)) expect(readdirSync(join(root, name))).toEqual([]);
  });

  test("on a file is a mistake of the configuration", async () => {
    const root = tempDir();
    writeFileSync(join(root, "file"), "");
    const refused = await start(join(root, "file"));
    expect(refused?.exitCode).toBe(2);
    expect(refused?.message).toContain("is not a directory");
  });

  for (const name of ["episodes", "shipped", "quarantine", "outbox"]) {
    diskTest(`is refused where ${name}/ is a bind mount: of one device, and no rename reaches across`, async () => {
      using disk = smallDisk(4);
      const root = join(disk.path, "the root");
      mkdirSync(join(disk.path, "elsewhere"));
      mkdirSync(join(root, name), { recursive: true });
      sh(`mount --bind '${disk.path}/elsewhere' '${root}/${name}'`);
      try {
        const refused = await start(root);
        expect(refused?.exitCode).toBe(3);
        expect(refused?.message).toContain("different mounts (EXDEV)");
        expect(refused?.message).toContain(join(root, name));
        for (const dir of readdirSync(root)) expect(readdirSync(join(root, dir))).toEqual([]);
        const words =
          "set [paths] data_root to a directory that has nothing mounted below it, or unmount what is mounted below it";
        expect(refused?.hint).toBe(`${words}: sudo umount '${root}/${name}'`);
        sh((refused?.hint ?? "").replace(`${words}: sudo `, ""));
        expect(await start(root)).toBeNull();
      } finally {
        Bun.spawnSync(["umount", "-q", `${root}/${name}`]);
      }
    });
  }

  diskTest(
    "is refused where episodes/ is a bind mount with episodes on it: what takes it off hides none of them",
    async () => {
      using disk = smallDisk(4);
      const root = join(disk.path, "data");
      const episodes = join(root, "episodes");
      mkdirSync(join(disk.path, "elsewhere/ep"), { recursive: true });
      mkdirSync(join(episodes, "before"), { recursive: true });
      sh(`mount --bind '${disk.path}/elsewhere' '${episodes}'`);
      try {
        const refused = await start(root);
        expect(refused?.exitCode).toBe(3);
        const line = /sudo cp .*$/.exec(refused?.hint ?? "")?.[0] ?? "";
        sh(line.replaceAll("sudo ", ""));
        expect(await start(root)).toBeNull();
        expect(readdirSync(episodes).sort()).toEqual(["before", "ep"]);
      } finally {
        Bun.spawnSync(["umount", "-q", episodes]);
      }
    },
  );

  diskTest("on a read-only file system is the machine's refusal, and what is printed mends it", async () => {
    using disk = smallDisk(4);
    for (const made of [false, true]) {
      sh(`mount -o remount,ro '${disk.path}'`);
      const refused = await start(join(disk.path, "root"));
      expect([made, refused?.exitCode]).toEqual([made, 3]);
      expect(refused?.message).toContain(`the file system at ${disk.path} is read-only`);
      expect(refused?.hint).toBe(`sudo mount -o remount,rw ${disk.path}`);
      sh((refused?.hint ?? "").replace("sudo ", ""));
      expect(await start(join(disk.path, "root"))).toBeNull();
    }
  });

  diskTest("without an inode left is the machine's refusal, and says inodes", async () => {
    using disk = smallDisk(4, 4);
    const refused = await start(join(disk.path, "root"));
    expect(refused?.exitCode).toBe(3);
    expect(refused?.message).toContain(`the file system at ${disk.path} has no inodes left`);
  });

  diskTest("on a full disk whose directories are there goes on, and says so: sending makes room", async () => {
    using disk = smallDisk(4, 8);
    const root = join(disk.path, "root");
    expect(await start(root)).toBeNull();
    for (let n = 0; n < 2; n++) writeFileSync(join(root, `file${n}`), "");
    const said: string[] = [];
    expect(await start(root, { ...quietLog, error: (line) => said.push(inText(line)) })).toBeNull();
    expect(said).toEqual([
      `the file system at ${disk.path} has no inodes left, so no file can be made there: nothing can be packed until there is room; fix: sudo du --inodes -x ${disk.path} | sort -n | tail -n 20`,
    ]);
  });
});
