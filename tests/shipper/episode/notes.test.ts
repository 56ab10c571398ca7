// What a settled episode's note says; one that is not to be believed says nothing.

import { describe, expect, test } from "bun:test";
import { readReceipted, readRejection } from "../../../lib/shipper/episode/notes.ts";

const SHA = "a".repeat(64);
const AT = "2026-06-01T00:00:00+00:00";
const COMMON = { labfleet: 1, fingerprint: "f", episode_id: "ep" };
const RECEIPT = { ...COMMON, verified: true, received_at_wall: AT, receiver_day: 3, bytes: 7, sha256: SHA };
const REJECTION = { ...COMMON, reason: "too-large", rules: 2, judged_by: "1".repeat(32), refused_day: 4, at: AT };

describe("a receipt's note", () => {
  test("says what was stored, when and by whose proof", () => {
    expect(readReceipted("ep~2", JSON.stringify(RECEIPT))).toEqual({
      name: "ep~2",
      id: "ep",
      atMs: Date.parse(AT),
      day: 3,
      isVerified: true,
      sha256: SHA,
      bytes: 7,
      fingerprint: "f",
    });
  });

  test("of an unverified delivery has this host's time alone", () => {
    const note = { ...COMMON, verified: false, shipped_at: AT };
    expect(readReceipted("ep", JSON.stringify(note))).toMatchObject({
      atMs: Date.parse(AT),
      isVerified: false,
      day: null,
      sha256: null,
    });
    expect(readReceipted("ep", JSON.stringify({ ...RECEIPT, verified: "true" }))?.isVerified).toBe(false);
  });

  for (const [what, change] of Object.entries({
    "no time": { received_at_wall: undefined },
    "a time that is none": { received_at_wall: "" },
    "a producer's own making": { labfleet: undefined },
    "a later format": { labfleet: 2 },
    "no fingerprint": { fingerprint: undefined },
    "an empty fingerprint": { fingerprint: "" },
    "another episode": { episode_id: "other" },
  })) {
    test(`with ${what} says nothing`, () =>
      expect(readReceipted("ep", JSON.stringify({ ...RECEIPT, ...change }))).toBeNull());
  }

  test("that is missing, torn, a list or null says nothing", () => {
    for (const text of [null, "", '{"labfleet": 1', "[]", "5", '"x"', "null"]) {
      expect([readReceipted("ep", text), readRejection("ep", text)]).toEqual([null, null]);
    }
  });
});

describe("a rejection's note", () => {
  test("says who refused what, for which reason, since which receiver day", () => {
    const sent = { sent_bytes: 7, sent_sha256: SHA, sent_tree_sha256: SHA };
    expect(readRejection("ep", JSON.stringify({ ...REJECTION, ...sent }))).toEqual({
      name: "ep",
      id: "ep",
      reason: "too-large",
      detail: null,
      rules: 2,
      judgedBy: "1".repeat(32),
      refusedDay: 4,
      atMs: Date.parse(AT),
      sent: { bytes: 7, sha256: SHA, treeSha256: SHA },
      fingerprint: "f",
    });
  });

  test("of an older release is by its rules, and nobody's who may judge", () => {
    const { rules: _, judged_by: __, refused_day: ___, ...old } = REJECTION;
    expect(readRejection("ep", JSON.stringify(old))).toMatchObject({
      rules: 1,
      judgedBy: null,
      refusedDay: null,
      sent: null,
    });
  });
});
