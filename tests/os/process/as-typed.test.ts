// "Do that again with sudo", as a line that can be pasted; and when it would be no help.

import { expect, test } from "bun:test";
import { fixText } from "../../../lib/core/finding.ts";
import { refusedFix, withSudo } from "../../../lib/os/process/as-typed.ts";

const TYPED = ["shipper", "requeue", "--config", "/tmp/my host.toml", "ep"];
const LINE = "sudo shipper requeue --config '/tmp/my host.toml' ep";
const DISK = "look at the disk that it lies on: sudo dmesg --level=err,warn";

test("a line is as it was typed, quoted where it has to be", () => {
  expect(fixText(withSudo(TYPED))).toBe(LINE);
});

test.each([
  ["EACCES", 1000, LINE],
  ["EPERM", 1000, LINE],
  ["EACCES", 0, DISK],
  ["EPERM", 0, DISK],
  ["ENOSPC", 1000, DISK],
  ["EROFS", 1000, DISK],
  [null, 1000, DISK],
])("%p for user %d", (code, uid, line) => {
  expect(fixText(refusedFix(code, uid, TYPED))).toBe(line);
});
