// What may be removed, and what has to be proved first: tables of literals.

import { describe, expect, test } from "bun:test";
import { formatReprDigest } from "../../../lib/contract/digest.ts";
import type { Receipted, Rejection } from "../../../lib/shipper/episode/notes.ts";
import {
  checkClock,
  classifyHead,
  isAskedDaily,
  isExpiring,
  isOursNow,
  isRefusedOld,
  isShippedOld,
  type KeepRules,
  type LastCall,
  lowDiskOrder,
  type Today,
  whyKept,
} from "../../../lib/shipper/retention/decide.ts";

const DAY = 86_400_000;
const NOW = Date.parse("2026-06-20T12:00:00Z");
const SHA = "a".repeat(64);
const ID = "1".repeat(32);

const RECEIPTED: Receipted = {
  name: "ep",
  id: "ep",
  atMs: NOW - 8 * DAY,
  day: 10,
  isVerified: true,
  sha256: SHA,
  bytes: 7,
  fingerprint: "f",
};
const REJECTION: Rejection = {
  name: "ep",
  id: "ep",
  reason: "commit-not-accepted",
  detail: null,
  rules: 2,
  judgedBy: ID,
  refusedDay: 10,
  atMs: NOW,
  sent: { bytes: 7, sha256: SHA, treeSha256: null },
  fingerprint: "f",
};

describe("a clock is trusted", () => {
  for (const [what, nowMs, trusted] of [
    ["at the newest receipt's time", NOW, true],
    ["a day after it", NOW + DAY, true],
    ["not a day and a second after it", NOW + DAY + 1000, false],
    ["five minutes before it", NOW - 300_000, true],
    ["not five minutes and a second before it", NOW - 301_000, false],
    ["not in 1970", 0, false],
    ["not ten years later", NOW + 3652 * DAY, false],
  ] as const) {
    test(what, () => expect(checkClock(nowMs, NOW).trusted).toBe(trusted));
  }

  test("not without a receipt, and every refusal says why", () => {
    const whys = [checkClock(NOW, null), checkClock(0, NOW), checkClock(NOW + 2 * DAY, NOW)];
    expect(whys.map((check) => ("why" in check ? check.why.length > 20 : null))).toEqual([true, true, true]);
  });
});

describe("a shipped episode is old", () => {
  const sound: Today = { day: 18, nowMs: NOW, clock: { trusted: true } };
  const wrong: Today = { ...sound, clock: { trusted: false, why: "it is 1970" } };
  for (const [what, change, rules, today, isOld] of [
    ["after more receiver days than configured", {}, {}, sound, true],
    ["whatever this host's clock says", {}, {}, { ...wrong, nowMs: 0 }, true],
    ["not after just as many", {}, {}, { ...sound, day: 17 }, false],
    ["not when the counter was lost", {}, {}, { ...sound, day: 0 }, false],
    ["never with 0 days", {}, { keepDays: 0 }, sound, false],
    ["never without a proof", { isVerified: false }, {}, sound, false],
    ["without a receiver day by the receipt's age", { day: null }, {}, { ...sound, day: 0 }, true],
    ["then not while the clock is wrong", { day: null }, {}, wrong, false],
    ["then not at just the age", { day: null, atMs: NOW - 7 * DAY }, {}, sound, false],
    ["then not in the future", { day: null, atMs: NOW + DAY }, {}, sound, false],
    [
      "without a proof by its age, where that is asked for",
      { isVerified: false },
      { pruneUnverified: true },
      sound,
      true,
    ],
    ["then not by the receiver day alone", { isVerified: false, atMs: NOW }, { pruneUnverified: true }, sound, false],
    ["then not while the clock is wrong", { isVerified: false }, { pruneUnverified: true }, wrong, false],
  ] as [string, Partial<Receipted>, Partial<KeepRules>, Today, boolean][]) {
    test(what, () => {
      const keep = { keepDays: 7, pruneUnverified: false, ...rules };
      expect(isShippedOld({ ...RECEIPTED, ...change }, keep, today)).toBe(isOld);
    });
  }
});

describe("what a Python receiver refused is old", () => {
  const sound: Today = { day: 0, nowMs: NOW, clock: { trusted: true } };
  const wrong: Today = { ...sound, clock: { trusted: false, why: "it is 1970" } };
  const refused = { reason: "status-412", judgedBy: null, atMs: NOW - 30 * DAY - 1 };
  for (const [what, change, rules, today, isOld] of [
    ["after the days", {}, {}, sound, true],
    ["with either status", { reason: "status-400" }, {}, sound, true],
    ["not at just the age", { atMs: NOW - 30 * DAY }, {}, sound, false],
    ["never where nobody asks for it", {}, { pruneUnverified: false }, sound, false],
    ["never with 0 days", {}, { keepDays: 0 }, sound, false],
    ["not while the clock is wrong", {}, {}, wrong, false],
    ["not when its note does not say when", { atMs: null }, {}, sound, false],
    ["never for another reason", { reason: "incomplete" }, {}, sound, false],
    ["never when a receiver with an identity judged it", { judgedBy: ID }, {}, sound, false],
  ] as [string, Partial<Rejection>, Partial<KeepRules>, Today, boolean][]) {
    test(what, () => {
      const keep = { keepDays: 30, pruneUnverified: true, ...rules };
      expect(isRefusedOld({ ...REJECTION, ...refused, ...change }, keep, today)).toBe(isOld);
    });
  }
});

test("on a low disk the oldest acknowledged go first, and unverified ones never", () => {
  const one = (name: string, atMs: number, isVerified = true): Receipted => ({ ...RECEIPTED, name, atMs, isVerified });
  const order = lowDiskOrder([one("b", 2), one("never", 0, false), one("a", 1), one("c", 3)]);
  expect(order.map(({ name }) => name)).toEqual(["a", "b", "c"]);
});

describe("a HEAD", () => {
  const ASK = "0123456789abcdef";
  const headers = {
    "x-labfleet-receiver-id": ID,
    "repr-digest": formatReprDigest(SHA),
    "content-length": "7",
    "x-labfleet-ask": ASK,
  };
  for (const [what, status, change, said] of [
    ["of the pinned receiver with digest and length confirms", 200, {}, "confirmed"],
    ["with another digest confirms nothing", 200, { "repr-digest": formatReprDigest("b".repeat(64)) }, "unknown"],
    ["with no digest confirms nothing", 200, { "repr-digest": "" }, "unknown"],
    ["that a cache kept from an earlier one confirms nothing", 200, { "x-labfleet-ask": "f".repeat(16) }, "unknown"],
    ["that does not repeat what was asked confirms nothing", 200, { "x-labfleet-ask": "" }, "unknown"],
    ["with another length confirms nothing", 200, { "content-length": "8" }, "unknown"],
    ["of another receiver confirms nothing", 200, { "x-labfleet-receiver-id": "2".repeat(32) }, "unknown"],
    ["of nobody confirms nothing", 200, { "x-labfleet-receiver-id": "" }, "unknown"],
    ["404 of the pinned receiver says that it is missing", 404, {}, "missing"],
    ["404 of something else says nothing", 404, { "x-labfleet-receiver-id": "" }, "unknown"],
    ["204 says nothing", 204, {}, "unknown"],
    ["503 of the receiver says that it does not vouch for its copy", 503, {}, "damaged"],
    ["401 says nothing", 401, {}, "unknown"],
  ] as const) {
    test(what, () =>
      expect(classifyHead({ status, headers: { ...headers, ...change } }, RECEIPTED, ID, ASK)).toBe(said),
    );
  }

  test("says nothing where nobody is pinned, or the receipt names no digest", () => {
    expect(classifyHead({ status: 200, headers }, RECEIPTED, null, ASK)).toBe("unknown");
    expect(
      classifyHead({ status: 404, headers: { ...headers, "x-labfleet-receiver-id": "" } }, RECEIPTED, null, ASK),
    ).toBe("unknown");
    expect(classifyHead({ status: 200, headers }, { ...RECEIPTED, sha256: null }, ID, ASK)).toBe("unknown");
  });
});

describe("a rejection", () => {
  test("is asked about daily only if it may pass, and only with what was sent", () => {
    for (const reason of ["commit-not-accepted", "too-large"])
      expect([isAskedDaily({ ...REJECTION, reason }), isAskedDaily({ ...REJECTION, reason, sent: null })]).toEqual([
        true,
        false,
      ]);
    for (const reason of ["conflict", "incomplete", "unpackable", "changed-after-shipping", "unknown"])
      expect(isAskedDaily({ ...REJECTION, reason })).toBe(false);
  });

  for (const [reason, isOurs] of [
    ["missing-commit", true],
    ["length-required", true],
    ["digest-mismatch", true],
    ["malformed", true],
    ["malformed-digest", true],
    ["malformed-path", true],
    ["status-413", true],
    ["status-422", true],
    ["unknown", true],
    ["commit-not-accepted", false],
    ["too-large", false],
    ["conflict", true],
    ["incomplete", true],
    ["unpackable", true],
    ["changed-after-shipping", false],
  ] as const) {
    test(`${reason} of an older release ${isOurs ? "goes back to the queue" : "stays"}`, () => {
      expect(isOursNow({ ...REJECTION, reason, rules: 1 }, "labfleet")).toBe(isOurs);
      expect(isOursNow({ ...REJECTION, reason, rules: 2 }, "labfleet")).toBe(false);
      expect(isOursNow({ ...REJECTION, reason, rules: 1 }, "python")).toBe(false);
    });
  }
});

describe("a refused episode is about to go", () => {
  for (const [what, change, keepDays, day, expected] of [
    ["a week before its time", {}, 30, 33, true],
    ["not eight days before", {}, 30, 32, false],
    ["at once with a week or less", {}, 5, 10, true],
    ["never with 0 days", {}, 0, 999, false],
    ["never when nobody judged it", { judgedBy: null }, 30, 99, false],
    ["never without the day of its refusal", { refusedDay: null }, 30, 99, false],
    ["never when a counter was lost", { refusedDay: 200 }, 30, 99, false],
    ["never for its size", { reason: "too-large" }, 30, 99, false],
    ["never as a conflict", { reason: "conflict" }, 30, 99, false],
  ] as [string, Partial<Rejection>, number, number, boolean][]) {
    test(what, () => expect(isExpiring({ ...REJECTION, ...change }, keepDays, day)).toBe(expected));
  }
});

describe("a refused episode goes", () => {
  const call: LastCall = {
    keepDays: 30,
    day: 41,
    announcedDay: 34,
    refusedToday: true,
    stamp: "old",
    hostCommit: "new",
  };
  test("when it is old, announced a week ago, refused today, and its stamp not this host's", () => {
    expect(whyKept(REJECTION, call)).toBeNull();
  });
  for (const [what, change, why] of [
    ["a day too young", { day: 40, announcedDay: 33 }, "not old enough"],
    ["never announced", { announcedDay: null }, "no heartbeat"],
    ["announced six days ago", { announcedDay: 35 }, "less than a week"],
    ["not refused today", { refusedToday: false }, "did not refuse it again"],
    ["stamped as this host is", { stamp: "new" }, "this host's own"],
    ["without a stamp", { stamp: null }, "this host's own"],
    ["kept for ever", { keepDays: 0 }, "not to be removed"],
  ] as [string, Partial<LastCall>, string][]) {
    test(`not when ${what}`, () => expect(whyKept(REJECTION, { ...call, ...change })).toContain(why));
  }
});
