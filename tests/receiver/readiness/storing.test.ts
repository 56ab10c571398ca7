// A disk that a unit's sandbox keeps after it was unmounted: only from outside can it be told.

import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { lookFromOutside } from "../../../lib/receiver/readiness/storing.ts";
import { smallDiskMissing } from "../../support/small-disk.ts";
import { tempDir } from "../../support/temp-dir.ts";

test.skipIf(smallDiskMissing !== null)(
  "a receiver that still has an unmounted disk is told, and one that has its own is not",
  async () => {
    const base = tempDir();
    const root = join(base, "root");
    for (const name of ["root", "disk"]) mkdirSync(join(base, name));
    const mount = (): unknown => Bun.spawnSync(["mount", "--bind", join(base, "disk"), root]);
    mount();
    // A namespace of its own, in which nothing is unmounted from outside.
    const held = ["unshare", "-m", "--propagation", "private", "sh", "-c", "echo there; exec sleep 300"];
    await using child = Bun.spawn(held, { stdout: "pipe" });
    try {
      await child.stdout.getReader().read();
      expect(lookFromOutside(child.pid, root)).toBeNull();
      Bun.spawnSync(["umount", root]);
      expect(lookFromOutside(child.pid, root)).toEqual({
        ready: false,
        why: `the receiver (pid ${child.pid}) still writes to a disk that is not mounted at ${root} any more, and what it stores is on that disk alone`,
        fix: "mount that disk there again, then: sudo systemctl restart labfleet-receiver",
      });
      mount();
      expect(lookFromOutside(child.pid, root)).toBeNull();
      expect(lookFromOutside(2 ** 22, root)).toBeNull();
    } finally {
      Bun.spawnSync(["umount", "-q", root]);
    }
  },
);
