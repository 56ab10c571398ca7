// What mends what only the shipper meets: literals in, lines out.

import { describe, expect, test } from "bun:test";
import { findingText, fixText } from "../../../lib/core/finding.ts";
import { classifyAnswer } from "../../../lib/shipper/decide.ts";
import { answerFix, lastCopyFix, localFinding, rejectionFix, roomFix } from "../../../lib/shipper/words/remedies.ts";

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

test("a receiver's word that is also one of the language has no remedy of ours", () => {
  for (const reason of ["constructor", "__proto__", "toString"]) expect(answerFix(reason)).toBeNull();
});

describe("what lies in quarantine", () => {
  // The words that stand right before a command say what it does.
  const EITHER =
    /(queue it again: sudo shipper requeue ep|under another(?: name)?: sudo shipper requeue ep --as ep-2)$/;
  const PASSES = /: then it goes by itself within a day$/;
  const AS_REFUSED =
    "discard it, or mend what its rejection.json names, or what the collector's log says of it, and queue it again: sudo shipper requeue ep";

  test("for a name that is taken goes under another one, and not longer than names may be", () => {
    const asOf = (name: string) => rejectionFix("conflict", name).commands[0]?.argv.slice(3);
    expect(asOf("e".repeat(128))?.at(-1)).toBe(`${"e".repeat(126)}-2`);
    expect([asOf("ep"), asOf("ep~1"), asOf("ep~2")]).toEqual([
      ["ep", "--as", "ep-2"],
      ["ep~1", "--as", "ep-3"],
      ["ep~2", "--as", "ep-4"],
    ]);
  });

  test("for no reason that is known is queued again", () => {
    expect(fixText(rejectionFix("unknown", "ep"))).toEndWith("sudo shipper requeue ep");
  });

  test.each([
    ["commit-not-accepted", PASSES],
    ["too-large", PASSES],
    ...["conflict", "incomplete", "unpackable", "changed-after-shipping", "unknown"].map((reason): [string, RegExp] => [
      reason,
      EITHER,
    ]),
  ])("for %s has a remedy of its own", (reason, words) => {
    const text = fixText(rejectionFix(reason, "ep"));
    expect(text).toMatch(words);
    expect(text).not.toBe(AS_REFUSED);
  });

  test.each([
    "status-400",
    "status-412",
    "digest-mismatch",
    "not-found",
    "of-a-later-release",
    "constructor",
    "__proto__",
    "",
  ])("for %p, a Python receiver's or another release's, has one", (reason) =>
    expect(fixText(rejectionFix(reason, "ep"))).toBe(AS_REFUSED),
  );

  test("for whatever an answer may refuse has one", () => {
    const sent = { host: "lab1", id: "ep", bytes: 4, sha256: "a".repeat(64), treeSha256: null, commit: "abc" };
    const echo = { host_id: "lab1", episode_id: "ep", code_commit: "abc", bytes: 4, sha256: sent.sha256 };
    const receiver_id = "1".repeat(32);
    const reasons = new Set<string>();
    for (const kind of ["labfleet", "python"] as const) {
      for (let status = 200; status < 600; status++) {
        for (const reason of [null, "conflict", "commit-not-accepted", "too-large", "missing-commit", "malformed"]) {
          const type = `urn:labfleet:problem:${reason}`;
          const problem = { type, title: "T", status, reason, detail: "D", receiver_id, echo, sha256: "c".repeat(64) };
          const headers = { "content-type": `application/${reason === null ? "" : "problem+"}json` };
          const answer = {
            resource: "put",
            status,
            headers,
            body: reason === null ? { detail: "no" } : problem,
          } as const;
          const verdict = classifyAnswer(answer, sent, { pinned: receiver_id, kind, isVerifiedTls: false });
          if (verdict.kind === "quarantine") reasons.add(verdict.reason);
        }
      }
    }
    expect([...reasons].sort()).toEqual(["commit-not-accepted", "conflict", "status-400", "status-412", "too-large"]);
    for (const reason of reasons) expect(fixText(rejectionFix(reason, "ep"))).not.toBe("");
  });
});

describe("a full disk", () => {
  const LOOK =
    "make room on its disk, or lower [shipper] disk_reserve; this shows what fills it: sudo du -a -k -x /data | sort -n | tail -n 20";
  const group = (reason: string, bytes: number) => ({ reason, count: 1, bytes, newest_at: null, newest_detail: null });
  const SETTLED = { shipped: 0, unverified: 0, quarantined: 0, quarantined_bytes: 0, expiring: 0, announcement: 0 };

  test("is looked at where nothing is known that a person may give up", () => {
    expect(fixText(roomFix("/data", null))).toBe(LOOK);
    expect(fixText(roomFix("/data", { ...SETTLED, refused: [] }))).toBe(LOOK);
  });

  test("gets room by the three commands that free most, with what they free; where to look stands last", () => {
    const refused = [group("conflict", 4096), group("incomplete", 2048), group("too-large", 1024)];
    expect(fixText(roomFix("/data", { ...SETTLED, refused, unverified_bytes: 3072 }))).toBe(
      `give up refused ones, which frees 4.0 KiB: sudo shipper discard --reason conflict; or give up what is shipped and not proved, which frees 3.0 KiB, if nobody needs it here: sudo shipper discard --shipped-unverified; or give up refused ones, which frees 2.0 KiB: sudo shipper discard --reason incomplete; or ${LOOK}`,
    );
  });
});

test("a last copy that nobody takes can be kept elsewhere, by a command that stands alone", () => {
  expect(fixText(lastCopyFix("/data/outbox/ep.tar.zst"))).toEndWith("sudo mv /data/outbox/ep.tar.zst /data/ep.tar.zst");
});
