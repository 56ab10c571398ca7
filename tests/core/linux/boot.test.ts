// One boot or two: by the kernel's id and the start of pid 1.

import { expect, test } from "bun:test";
import { bootName, sameBoot } from "../../../lib/core/linux/boot.ts";

for (const [what, a, b, same] of [
  ["the same machine, the same boot", bootName("aa", 3), bootName("aa", 3), true],
  ["another boot of the machine", bootName("aa", 3), bootName("bb", 3), false],
  ["a container that booted again", bootName("aa", 3), bootName("aa", 90_000), false],
  ["pid 1 hidden from one of them", bootName("aa", null), bootName("aa", 3), true],
  ["pid 1 hidden, another boot", bootName("aa", null), bootName("bb", null), false],
] as const) {
  test(`${what}: ${same ? "one" : "two"}`, () => expect(sameBoot(a, b)).toBe(same));
}
