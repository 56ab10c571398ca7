// What mends what only the shipper meets: literals in, lines out.

import { describe, expect, test } from "bun:test";
import { findingText, fixText } from "../../lib/core/finding.ts";
import { answerFix, lastCopyFix, localFinding, rejectionFix } from "../../lib/shipper/remedies.ts";

describe("what this host's disk or rights refused", () => {
  const LOOK = "if it stays so, look at the disk it lies on: sudo dmesg --level=err,warn";
  for (const [what, code, path, isKept, fix] of [
    ["something immutable is made mutable", "EPERM", "/d/a b", true, "sudo chattr -i -a '/d/a b'"],
    ["a directory in a file's place is set aside", "EISDIR", "/d/x", false, "sudo mv -T /d/x /d/x.aside"],
    ["so is a link to itself", "ELOOP", "/d/x", false, "sudo mv -T /d/x /d/x.aside"],
    [
      "a right that is missing is looked at",
      "EACCES",
      "/d/x",
      false,
      "let this service's user write there: ls -ld /d/x",
    ],
    ["a bad sector is the disk's", "EIO", "/d/x", false, LOOK],
    ["so is what names no path", "EPERM", null, false, LOOK],
  ] as [string, string, string | null, boolean, string][]) {
    test(what, () => expect(findingText(localFinding({ detail: "D", code, path, isKept }))).toBe(`"D"; fix: ${fix}`));
  }
});

test("a 2xx to a judge call without a judgement comes from no receiver, old or new", () => {
  expect(answerFix("no-judgement")?.text).toBe("set receiver.url to the receiver's own address, past any portal");
});

test("what lies in quarantine for no reason that is known is queued again", () => {
  expect(fixText(rejectionFix("unknown", "ep") ?? { text: "", commands: [] })).toEndWith("sudo shipper requeue ep");
});

test("a last copy that nobody takes can be kept elsewhere, by a command that stands alone", () => {
  expect(fixText(lastCopyFix("/data/outbox/ep.tar.zst"))).toEndWith("sudo mv /data/outbox/ep.tar.zst /data/ep.tar.zst");
});
