// A settled episode that the disk does not let go stays, and is said with the line that lets it go; nothing stands behind that.

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { formatReprDigest } from "../../../lib/contract/digest.ts";
import { housekeeper, refused, SHA, shipped } from "../../support/housekeeper.ts";
import { judgement, type Say, scriptedCollector } from "../../support/scripted-collector.ts";
import { ext4Disk, ext4DiskMissing } from "../../support/small-disk.ts";

const HAS: Say = { status: 200, headers: { "repr-digest": formatReprDigest(SHA), "content-length": "10" } };
const diskTest = test.skipIf(ext4DiskMissing !== null);
const run = (...argv: string[]): void => expect(Bun.spawnSync(argv).exitCode).toBe(0);
const stays = (lines: readonly string[]): string[] => lines.filter((line) => line.startsWith("stays"));

diskTest("in quarantine/, when the receiver would take it and it is immutable", async () => {
  using disk = ext4Disk(16);
  const { url } = await scriptedCollector((ask) => judgement(ask, "accept"));
  const { keeper, dirs, lines, clock } = housekeeper(disk.path, url);
  const directory = refused(dirs, "ep");
  run("chattr", "+i", directory);
  await keeper.tidy();
  const [said = "", ...more] = stays(lines);
  expect(said).toStartWith('stays where it is: "EPERM: ');
  expect(said).toEndWith(` episode=ep; fix: sudo chattr -i -a ${directory} {}`);
  expect(more).toEqual([]);
  run("chattr", "-i", "-a", directory);
  clock.monotonic += 24 * 3_600_000;
  await keeper.tidy();
  expect([readdirSync(dirs.quarantine), readdirSync(dirs.episodes)]).toEqual([[], ["ep"]]);
});

diskTest("in shipped/, when it is due and immutable", async () => {
  using disk = ext4Disk(16);
  const { url } = await scriptedCollector(() => HAS);
  const { keeper, dirs, lines, clock } = housekeeper(disk.path, url);
  const directory = shipped(dirs, "old");
  run("chattr", "+i", directory);
  await keeper.tidy();
  const [said = "", ...more] = stays(lines);
  expect(said).toStartWith('stays in shipped/: "EPERM: ');
  expect(said).toEndWith(` episode=old; fix: sudo chattr -i -a ${directory} {}`);
  expect(more).toEqual([]);
  run("chattr", "-i", "-a", directory);
  clock.monotonic += 24 * 3_600_000;
  await keeper.tidy();
  expect(readdirSync(dirs.shipped)).toEqual([]);
});
