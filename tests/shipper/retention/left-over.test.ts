// Of a removed episode something may be left over that cannot be removed: it is said once, with what mends it, tried again each round,
// and stands in the way of nothing.

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { removeSettled, sweepDoomed } from "../../../lib/shipper/retention/removal.ts";
import { housekeeper } from "../../support/housekeeper.ts";
import { makeDirs, writeFiles } from "../../support/lab-host.ts";
import { ext4Disk, ext4DiskMissing } from "../../support/small-disk.ts";

const HOUR_MS = 3600 * 1000;
const diskTest = test.skipIf(ext4DiskMissing !== null);
const chattr = (flag: string, path: string) => Bun.spawnSync(["chattr", flag, path]);

diskTest("what is immutable in it is said once, and goes once it is not", async () => {
  using disk = ext4Disk(16);
  const { keeper, dirs, lines, clock } = housekeeper(disk.path, "http://127.0.0.1:9");
  const kept = join(dirs.shipped, "ep/locked.bin");
  writeFiles(join(dirs.shipped, "ep"), { "data.bin": "x", "locked.bin": "x" });
  chattr("+i", kept);
  await removeSettled(dirs, "shipped", "ep");
  const left = join(dirs.shipped, ".pruned-ep");
  expect(readdirSync(dirs.shipped)).toEqual([".pruned-ep"]);
  const round = async (): Promise<string[]> => {
    await keeper.tidy();
    clock.monotonic += 24 * HOUR_MS;
    return lines.filter((line) => line.startsWith("what is left of"));
  };
  const said = [
    `what is left of a removed episode cannot be removed: ${left}; fix: sudo find ${left} -type f,d -exec chattr -i -a '{}' + && sudo rm -r ${left} {}`,
  ];
  expect(await round()).toEqual(said);
  expect(await round()).toEqual(said);
  chattr("-i", join(left, "locked.bin"));
  await round();
  expect(readdirSync(dirs.shipped)).toEqual([]);
});

diskTest("another episode of its name is removed all the same", async () => {
  using disk = ext4Disk(16);
  const dirs = makeDirs(disk.path);
  const left = join(dirs.shipped, ".pruned-ep");
  writeFiles(left, { "locked.bin": "x" });
  chattr("+i", join(left, "locked.bin"));
  try {
    writeFiles(join(dirs.shipped, "ep"), { "data.bin": "x" });
    await removeSettled(dirs, "shipped", "ep");
    expect(readdirSync(dirs.shipped)).toEqual([".pruned-ep"]);
    expect(await sweepDoomed(dirs)).toEqual([left]);
  } finally {
    chattr("-i", join(left, "locked.bin"));
  }
});
