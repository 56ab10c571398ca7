// What shipper and check say alike: what makes room. Literals in, lines out.

import { describe, expect, test } from "bun:test";
import type { SettledCounts } from "../../lib/contract/shipper-status.ts";
import { discardUnverified, freeing } from "../../lib/contract/shipper-words.ts";
import { fixText } from "../../lib/core/finding.ts";

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
