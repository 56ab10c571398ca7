// Who holds the lock where the kernel's list does not say: the pid file, as long as it names one of us that lives.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockHolder } from "../../../lib/os/files/lock.ts";
import { fixtureHost } from "../../support/fixture-host.ts";
import { tempDir } from "../../support/temp-dir.ts";

test.each([
  ["4242 (shipper) S 1 4242 4242", 4242],
  ["4242 (bun) R 1 4242 4242", 4242],
  // Its parent has not collected it: in a container that may be for ever.
  ["4242 (shipper) Z 1 4242 4242", null],
  ["4242 (sshd) S 1 4242 4242", null],
  ["4242 (shipper) S) S 1 4242 4242", null],
])("a process that is %p", (stat, holder) => {
  const runDir = tempDir();
  writeFileSync(join(runDir, "pid"), "4242\n");
  const root = fixtureHost({ "proc/locks": "", "proc/4242/stat": `${stat}\n` });
  expect(lockHolder({ tool: "shipper", dataRoot: runDir, runDir }, root)).toBe(holder);
});
