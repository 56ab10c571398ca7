// A mount on a directory of the data root, made while the shipper runs: what is printed takes it off, and loses nothing.

import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixText } from "../../../lib/core/finding.ts";
import { hindranceToMove, whyNotSettled } from "../../../lib/shipper/episode/episode-facts.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";

const diskTest = (name: string, body: () => Promise<void>): void =>
  test.skipIf(smallDiskMissing !== null)(
    smallDiskMissing === null ? name : `${name} (skipped: ${smallDiskMissing})`,
    body,
  );

const sh = (script: string): void => {
  const done = Bun.spawnSync(["sh", "-ec", script], { stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
};

function place(disk: string) {
  const root = join(disk, "data");
  for (const name of ["episodes/before", "outbox", "shipped", "quarantine"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  mkdirSync(join(disk, "elsewhere"));
  return root;
}

diskTest(
  "on episodes/: said of all, before anything is packed, and what was recorded there is brought back",
  async () => {
    using disk = smallDisk(4);
    const root = place(disk.path);
    const episodes = join(root, "episodes");
    const ep = join(episodes, "ep");
    sh(`mount --bind '${disk.path}/elsewhere' '${episodes}'`);
    try {
      mkdirSync(ep);
      writeFileSync(join(ep, "done.marker"), "");
      const found = await hindranceToMove(ep);
      expect(found).toMatchObject({
        reason: `no episode can be moved when it is shipped: ${episodes} is a mount of its own, and a rename does not reach across`,
        ofDisk: true,
      });
      const fix = fixText(found?.fix ?? { text: "", commands: [] });
      expect(fix).toBe(
        `sudo cp -a -T ${episodes} ${episodes}.copy && sudo umount ${episodes} && sudo find ${episodes}.copy -mindepth 1 -maxdepth 1 -exec mv -n -t ${episodes} '{}' + && sudo rmdir ${episodes}.copy`,
      );
      sh(fix.replaceAll("sudo ", ""));
      expect(readdirSync(episodes).sort()).toEqual(["before", "ep"]);
      expect(readdirSync(root).sort()).toEqual(["episodes", "outbox", "quarantine", "shipped"]);
      expect(await hindranceToMove(ep)).toBeNull();
      expect(readdirSync(join(disk.path, "elsewhere"))).toEqual(["ep"]);
    } finally {
      Bun.spawnSync(["umount", "-q", episodes]);
    }
  },
);

diskTest(
  "on shipped/: the answer that cannot be carried out names that mount, and no copy of the episode",
  async () => {
    using disk = smallDisk(4);
    const root = place(disk.path);
    const shipped = join(root, "shipped");
    sh(`mount --bind '${disk.path}/elsewhere' '${shipped}'`);
    try {
      const error = Object.assign(new Error("EXDEV: cross-device link"), { code: "EXDEV" });
      const { reason, fix } = whyNotSettled(join(root, "episodes/before"), "shipped", error);
      expect(reason).toBe(
        `no episode can be moved when it is shipped: ${shipped} is a mount of its own, and a rename does not reach across`,
      );
      expect(fix === null ? "" : fixText(fix)).toBe(`sudo umount ${shipped}`);
      mkdirSync(join(shipped, "kept"));
      const { fix: other } = whyNotSettled(join(root, "episodes/before"), "shipped", error);
      sh((other === null ? "" : fixText(other)).replaceAll("sudo ", ""));
      expect(readdirSync(shipped)).toEqual(["kept"]);
    } finally {
      Bun.spawnSync(["umount", "-q", shipped]);
    }
  },
);
