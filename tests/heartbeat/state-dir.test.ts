// A state directory that cannot be made is the machine's refusal: exit 3, so that systemd tries again, and a fix that fits.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { UserError } from "../../lib/core/failure.ts";
import { makeStateDir } from "../../lib/heartbeat/once.ts";
import type { HeartbeatConfig } from "../../lib/heartbeat/settings.ts";
import { smallDisk, smallDiskMissing } from "../support/small-disk.ts";

const refusal = async (stateDir: string): Promise<UserError> => {
  const error = await makeStateDir({ stateDir } as HeartbeatConfig).catch((thrown: unknown) => thrown);
  if (!(error instanceof UserError)) throw new Error("it was made");
  return error;
};

test.skipIf(smallDiskMissing !== null)(
  smallDiskMissing === null ? "on a read-only disk" : `on a read-only disk (skipped: ${smallDiskMissing})`,
  async () => {
    using disk = smallDisk(1);
    Bun.spawnSync(["mount", "-o", "remount,ro", disk.path]);
    const { message, hint, exitCode } = await refusal(join(disk.path, "state"));
    expect([message, exitCode]).toEqual([expect.stringContaining("EROFS"), 3]);
    expect(hint).toStartWith("mount its disk writable");
  },
);

test("below what is no directory", async () => {
  const { hint, exitCode } = await refusal("/dev/null/state");
  expect([hint, exitCode]).toEqual(["create /dev/null/state and give it to the agent's user", 3]);
});
