// Which unit a process belongs to, and whose manager runs it.

import { expect, test } from "bun:test";
import { parseCgroup } from "../../../lib/core/linux/cgroup.ts";

const HYBRID = "9:name=systemd:/user.slice/wrong.service\n1:cpu:/\n0::/system.slice/labfleet-shipper.service\n";

for (const [what, text, unit, scope] of [
  ["a system service", "0::/system.slice/labfleet-shipper.service\n", "labfleet-shipper.service", "system"],
  ["a hybrid host", HYBRID, "labfleet-shipper.service", "system"],
  ["a template", "0::/system.slice/system-x.slice/x@a.service\n", "x@a.service", "system"],
  ["a delegated sub-group", "0::/system.slice/x.service/payload.scope\n", "x.service", "system"],
  ["a login session", "0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope", "system"],
  ["a user's service", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n", "x.service", "user"],
  ["a user's manager", "0::/user.slice/user-1000.slice/user@1000.service/init.scope\n", "init.scope", "user"],
  ["no unit at all", "0::/\n", null, null],
] as const) {
  test(`${what}: ${unit ?? "no unit"}, ${scope ?? "no manager"}`, () => {
    const place = parseCgroup(text);
    expect([place?.unit, place?.scope]).toEqual([unit, scope]);
  });
}

test("a host with version 1 alone has no 0:: line and cannot be told", () => {
  expect(parseCgroup("1:name=systemd:/system.slice/x.service\n")).toBeNull();
});
