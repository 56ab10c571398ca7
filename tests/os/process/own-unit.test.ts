// Which unit of ours a process belongs to: remedies name it, so nothing else may pass for one.

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unitOf } from "../../../lib/os/process/own-unit.ts";
import { tempDir } from "../../support/temp-dir.ts";

for (const [what, cgroup, unit] of [
  ["a unit of ours", "/system.slice/labfleet-shipper.service", "labfleet-shipper"],
  ["a group below it", "/system.slice/labfleet-heartbeat.service/checks", "labfleet-heartbeat"],
  ["a second one of a person's own", "/system.slice/labfleet-shipper-2.service", "labfleet-shipper-2"],
  ["what cron has started", "/system.slice/cron.service", null],
  ["a login", "/user.slice/user-1000.slice/session-3.scope", null],
  ["a user's own manager", "/user.slice/user-1000.slice/user@1000.service/app.slice/labfleet-shipper.service", null],
] as const)
  test(`${what}: ${unit ?? "none"}`, () => {
    const root = tempDir();
    mkdirSync(join(root, "proc/42"), { recursive: true });
    writeFileSync(join(root, "proc/42/cgroup"), `0::${cgroup}\n`);
    expect(unitOf(42, root)).toBe(unit);
  });

test("of a process that is gone there is none", () => {
  expect(unitOf(42, tempDir())).toBeNull();
});
