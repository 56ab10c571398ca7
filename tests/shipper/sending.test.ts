// Who may be sent beside whom: a small episode never waits for a huge one.

import { describe, expect, test } from "bun:test";
import { mayStart } from "../../lib/shipper/sending.ts";

const MIB = 1024 * 1024;
const SMALL = 64 * MIB;
const LARGE = SMALL + 1;

describe("one more upload", () => {
  for (const [what, bytes, underWay, transfers, may] of [
    ["a large one alone", LARGE, [], 2, true],
    ["a large one beside a small one", LARGE, [SMALL], 2, true],
    ["no second large one of two places", LARGE, [LARGE], 2, false],
    ["a small one beside a large one", SMALL, [LARGE], 2, true],
    ["no third one of two places", SMALL, [LARGE, SMALL], 2, false],
    ["two large ones of three places", LARGE, [LARGE], 3, true],
    ["no third large one of three places", LARGE, [LARGE, LARGE], 3, false],
    ["a large one in the only place", LARGE, [], 1, true],
    ["a small one beside the large one in the only place", SMALL, [LARGE], 1, true],
    ["no second small one beside it", SMALL, [LARGE, SMALL], 1, false],
    ["no small one beside a small one in the only place", SMALL, [SMALL], 1, false],
    ["no large one beside a small one in the only place", LARGE, [SMALL], 1, false],
  ] as const) {
    test(`may be ${what}`, () => expect(mayStart(bytes, underWay, transfers)).toBe(may));
  }
});
