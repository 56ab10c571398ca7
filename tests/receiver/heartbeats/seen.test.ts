// Which sequence numbers came: ranges for each boot, and never many of them.

import { describe, expect, test } from "bun:test";
import type { SeenBoot } from "../../../lib/contract/host-document.ts";
import { noteSeen, POLICY } from "../../../lib/receiver/heartbeats/decide.ts";

describe("what was seen", () => {
  const number = (boot_id: string, sequence: number) => ({ boot_id, sequence });
  test("is kept as ranges, newest boot first", () => {
    let seen: SeenBoot[] = [];
    for (const n of [1, 2, 3, 7, 5]) seen = noteSeen(seen, number("a", n), true);
    expect(seen).toEqual([
      {
        boot_id: "a",
        ranges: [
          [1, 3],
          [5, 5],
          [7, 7],
        ],
      },
    ]);
    seen = noteSeen(seen, number("a", 6), false);
    seen = noteSeen(seen, number("b", 8), true);
    seen = noteSeen(seen, number("a", 4), false);
    expect(seen).toEqual([
      { boot_id: "b", ranges: [[8, 8]] },
      { boot_id: "a", ranges: [[1, 7]] },
    ]);
  });
  test("of a boot is forgotten when its numbers begin again", () => {
    expect(noteSeen([{ boot_id: "a", ranges: [[1, 50]] }], number("a", 1), true)).toEqual([
      { boot_id: "a", ranges: [[1, 1]] },
    ]);
  });
  test("stays small: the lowest ranges and the oldest boots go", () => {
    let seen: SeenBoot[] = [];
    for (let n = 0; n < 100; n++) seen = noteSeen(seen, number("a", 2 * n), true);
    expect(seen[0]?.ranges).toHaveLength(POLICY.seenRanges);
    expect(seen[0]?.ranges.at(-1)).toEqual([198, 198]);
    for (let n = 0; n < 20; n++) seen = noteSeen(seen, number(`boot${n}`, n), true);
    expect(seen).toHaveLength(POLICY.seenBoots);
    expect(seen[0]?.boot_id).toBe("boot19");
    // One more of an old boot takes the last place, not that of the newest.
    seen = noteSeen(seen, number("older", 1), false);
    expect([seen.length, seen[0]?.boot_id, seen.at(-1)?.boot_id]).toEqual([POLICY.seenBoots, "boot19", "older"]);
  });
  test("is not changed in place", () => {
    const before: SeenBoot[] = [{ boot_id: "a", ranges: [[1, 2]] }];
    noteSeen(before, number("a", 3), true);
    expect(before).toEqual([{ boot_id: "a", ranges: [[1, 2]] }]);
  });
});
