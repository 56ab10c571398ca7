// What shipper and check say alike: what is under way, and what makes room. Literals in, lines out.

import { describe, expect, test } from "bun:test";
import type { SettledCounts, UnderWay } from "../../lib/contract/shipper-status.ts";
import { discardUnverified, freeing, underWayText } from "../../lib/contract/shipper-words.ts";
import { fixText } from "../../lib/core/finding.ts";

const AT = "2026-05-01T12:00:00.000Z";
const MIB = 1024 * 1024;
const work = (change: Partial<UnderWay>): UnderWay => {
  return { episode: "ep1", what: "sending", since: AT, done_bytes: null, bytes: null, ...change };
};

describe("what is under way", () => {
  test.each<[string, Partial<UnderWay>, string]>([
    [
      "how far and how long",
      { done_bytes: 12 * MIB, bytes: 400 * MIB, since: "2026-05-01T11:59:57.000Z" },
      "sending ep1: 12.0 MiB of 400.0 MiB for 3s",
    ],
    [
      "packing, too",
      { what: "packing", done_bytes: 1, bytes: 3, since: "2026-05-01T10:58:00Z" },
      "packing ep1: 1 B of 3 B for 1h 2min",
    ],
    ["before the first byte", { bytes: 2048 }, "sending ep1: 0 B of 2.0 KiB for 0s"],
    ["where nobody can tell how far", { what: "asking", since: "2026-05-01T11:58:59.501Z" }, "asking ep1 for 1min"],
    ["in whole seconds", { since: "2026-05-01T11:59:57.499Z" }, "sending ep1 for 3s"],
    ["never for less than nothing", { since: "2026-05-01T12:00:01.000Z" }, "sending ep1 for 0s"],
    ["without a duration where there is no time", { since: "soon" }, "sending ep1"],
  ])("is said with %s", (_, change, text) => {
    expect(underWayText(work(change), AT)).toBe(text);
  });
});

describe("what makes room", () => {
  const settled = (change: Partial<SettledCounts>): SettledCounts => {
    const none = { shipped: 0, unverified: 0, quarantined: 0, quarantined_bytes: 0, refused: [] };
    return { ...none, expiring: 0, announcement: 0, ...change };
  };
  const group = (reason: string, bytes: number) => ({
    reason,
    count: 1,
    bytes,
    newest_at: null,
    newest_detail: null,
  });
  const lines = (change: Partial<SettledCounts>): string[] => freeing(settled(change)).map((fix) => fixText(fix));

  test("is each command with the bytes that it frees, what frees most first", () => {
    expect(lines({ refused: [group("conflict", 3072), group("a b", 1024)], unverified_bytes: 2048 })).toEqual([
      "give up refused ones, which frees 3.0 KiB: sudo shipper discard --reason conflict",
      "give up what is shipped and not proved, which frees 2.0 KiB, if nobody needs it here: sudo shipper discard --shipped-unverified",
      "give up refused ones, which frees 1.0 KiB: sudo shipper discard --reason 'a b'",
    ]);
  });

  test("is none that frees nothing, none that an older shipper does not know of, and none where nothing is counted yet", () => {
    expect(lines({ refused: [group("conflict", 0)], unverified_bytes: 0 })).toEqual([]);
    expect(lines({ unverified: 7 })).toEqual([]);
    expect(freeing(null)).toEqual([]);
  });

  test("of what is not proved says no bytes where an older shipper tells none", () => {
    expect(fixText(discardUnverified(null))).toBe(
      "give up what is shipped and not proved, if nobody needs it here: sudo shipper discard --shipped-unverified",
    );
  });
});
