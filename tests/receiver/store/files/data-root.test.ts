// The start on data roots as they really are: read-only, without inodes, over several mounts. What is said, and how it ends.

import { afterEach, describe, expect, test } from "bun:test";
import { type linkSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../../../lib/core/failure.ts";
import { makeDataDirs } from "../../../../lib/receiver/store/open-store.ts";
import { createReadiness } from "../../../../lib/receiver/store/readiness.ts";
import { verify } from "../../../../lib/receiver/store/verify/verify.ts";
import { inText } from "../../../support/in-text.ts";
import { smallDisk, smallDiskMissing } from "../../../support/small-disk.ts";
import { cleanUp, openIn, tempDir } from "../../support.ts";

afterEach(cleanUp);

const diskTest = (name: string, body: () => Promise<void>): void =>
  test.skipIf(smallDiskMissing !== null)(
    smallDiskMissing === null ? name : `${name} (skipped: ${smallDiskMissing})`,
    body,
  );

async function start(dataRoot: string, link?: typeof linkSync): Promise<UserError | null> {
  try {
    await makeDataDirs(dataRoot, link);
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

/** Runs a line that was printed; root needs no sudo. */
const paste = (line: string): void => sh(line.replaceAll("sudo ", ""));

describe("a start", () => {
  test("makes the directories, and leaves no trace of the question whether episodes can be published", async () => {
    const root = join(tempDir(), "a/b");
    expect([await start(root), await start(root)]).toEqual([null, null]);
    expect(readdirSync(root, { recursive: true }).sort()).toEqual(["episodes", "incoming"]);
  });

  test("clears what a killed one left of it, which is no stranger to verify either", async () => {
    const root = tempDir();
    for (const name of ["incoming", "episodes"]) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, ".labfleet-probe"), "");
    }
    const report = await verify({ dataRoot: root, deep: false, settleMs: 0, onProblem: () => undefined });
    expect(report.extra).toEqual([]);
    expect(await start(root)).toBeNull();
    expect(readdirSync(root, { recursive: true }).sort()).toEqual(["episodes", "incoming"]);
  });

  diskTest("in a root where nothing may be made is mended for the whole root, by one line", async () => {
    using disk = smallDisk(4);
    const root = join(disk.path, "root");
    mkdirSync(root);
    sh(`chattr +i '${root}'`);
    const refused = await start(root);
    expect(refused?.exitCode).toBe(3);
    paste(refused?.hint ?? "");
    expect(await start(root)).toBeNull();
  });

  test("on a file is a mistake of the configuration: exit 2", async () => {
    const root = join(tempDir(), "file");
    writeFileSync(root, "");
    expect(await start(root)).toMatchObject({ exitCode: 2, message: expect.stringContaining("is not a directory") });
  });

  test.each(["EPERM", "EOPNOTSUPP", "ENOSYS"])(
    "on a file system without hard links (%s) names it, and no owner",
    async (code) => {
      const root = tempDir();
      const refused = await start(root, () => {
        throw Object.assign(new Error(`${code}: link`), { code });
      });
      expect(refused?.exitCode).toBe(2);
      expect(refused?.message).toMatch(
        /^cannot store in \S+: the file system at \S+ has no hard links, as vfat, exfat and some of FUSE have none, and an episode is published by one$/,
      );
      expect(refused?.hint).toBe(
        `put [paths] data_root on ext4, xfs or btrfs; this shows what it is on: findmnt -T ${root}`,
      );
      expect(readdirSync(root, { recursive: true }).sort()).toEqual(["episodes", "incoming"]);
    },
  );

  diskTest("where episodes/ alone is immutable does not call that a lack of hard links", async () => {
    using disk = smallDisk(4);
    await start(disk.path);
    sh(`chattr +i '${disk.path}/episodes'`);
    const refused = await start(disk.path);
    expect([refused?.exitCode, refused?.message]).toEqual([
      3,
      expect.stringContaining(`${disk.path}/episodes is immutable`),
    ]);
    sh(`chattr -i '${disk.path}/episodes'`);
  });

  for (const name of ["incoming", "episodes"]) {
    diskTest(`is refused where ${name}/ is a bind mount: of one device, and no link reaches across`, async () => {
      using disk = smallDisk(4);
      const root = join(disk.path, "root");
      for (const path of [join(disk.path, "elsewhere"), join(root, name)]) mkdirSync(path, { recursive: true });
      sh(`mount --bind '${disk.path}/elsewhere' '${root}/${name}'`);
      try {
        const refused = await start(root);
        expect(refused?.exitCode).toBe(3);
        expect(refused?.message).toContain("different mounts (EXDEV)");
        expect(readdirSync(join(root, "incoming"))).toEqual([]);
        const words =
          "set [paths] data_root to a directory that has nothing mounted below it, or unmount what is mounted below it";
        expect(refused?.hint).toBe(`${words}: sudo umount ${root}/${name}`);
        paste(refused?.hint?.replace(`${words}: `, "") ?? "");
        expect(await start(root)).toBeNull();
      } finally {
        Bun.spawnSync(["umount", "-q", `${root}/${name}`]);
      }
    });
  }

  diskTest("on a read-only disk is the machine's refusal, no owner's: exit 3, and the line mends it", async () => {
    using disk = smallDisk(4);
    await openIn(disk.path).then((opened) => opened.close());
    sh(`mount -o remount,ro '${disk.path}'`);
    const refused = await start(disk.path);
    expect(refused?.exitCode).toBe(3);
    expect(refused?.message).toContain(`the file system at ${disk.path} is read-only`);
    expect(refused?.hint).not.toMatch(/chown|belong/);
    paste(refused?.hint ?? "");
    expect(await start(disk.path)).toBeNull();
  });

  diskTest("on a disk without inodes too, and bytes are not blamed", async () => {
    using disk = smallDisk(4, 20);
    sh(`cd '${disk.path}'; mkdir incoming episodes; touch $(seq -f f%g 30) 2>/dev/null || true`);
    const refused = await start(disk.path);
    expect(refused?.exitCode).toBe(3);
    expect(refused?.message).toContain("has no inodes left");
    expect(refused?.hint).toContain(`du --inodes -x ${disk.path}`);
    sh(`rm '${disk.path}'/f*`);
    expect(await start(disk.path)).toBeNull();
  });
});

describe("a receiver that runs says, and mends by the line that it says", () => {
  diskTest("that its disk became read-only", async () => {
    using disk = smallDisk(4);
    await makeDataDirs(disk.path);
    const parts = { dataRoot: disk.path, incoming: join(disk.path, "incoming"), reserveBytes: () => 0 };
    expect(await createReadiness(parts)()).toBeNull();
    sh(`mount -o remount,ro '${disk.path}'`);
    const found = await createReadiness(parts)();
    expect(found).toMatchObject({ kind: "refused", why: expect.stringContaining("is read-only") });
    paste(inText(found?.fix) ?? "");
    expect(await createReadiness(parts)()).toBeNull();
  });

  diskTest("that it is short of inodes", async () => {
    using disk = smallDisk(4, 200);
    await makeDataDirs(disk.path);
    const parts = { dataRoot: disk.path, incoming: join(disk.path, "incoming"), reserveBytes: () => 0 };
    const found = await createReadiness(parts)();
    expect(found).toMatchObject({
      kind: "inodes",
      why: expect.stringContaining("inodes free, below the reserve of 256"),
    });
    expect(inText(found?.fix)).toBe(`see what fills it: sudo du --inodes -x ${disk.path} | sort -n | tail -n 20`);
    paste((inText(found?.fix) ?? "").replace("see what fills it: ", ""));
  });
});
