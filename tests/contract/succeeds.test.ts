// The header that names whom a store succeeds: all of it or nothing, so that no damaged one moves a pin.

import { expect, test } from "bun:test";
import { formatSucceeds, readSucceeds } from "../../lib/contract/judgement.ts";

const A = "0123456789abcdef0123456789abcdef";
const B = "f".repeat(32);

test("written and read back", () => {
  expect(formatSucceeds([A, B])).toBe(`${A}, ${B}`);
  expect(readSucceeds(`${A}, ${B}`)).toEqual([A, B]);
  expect(readSucceeds(`${A},${B}`)).toEqual([A, B]);
});

test.each([
  ["no header", null],
  ["an empty one", ""],
  ["one id and half a second", `${A}, ${B.slice(1)}`],
  ["upper case", A.toUpperCase()],
  ["a trailing comma", `${A},`],
  ["nine", Array(9).fill(A).join()],
])("%s names nobody", (_, value) => {
  expect(readSucceeds(value)).toEqual([]);
});

test("eight are read", () => {
  expect(readSucceeds(Array(8).fill(A).join())).toHaveLength(8);
});
