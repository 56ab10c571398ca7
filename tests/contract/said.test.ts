// A remedy in a text that came over the wire: what is behind the first mark, whatever stands in it.

import { expect, test } from "bun:test";
import { readFix, readSaid } from "../../lib/contract/said.ts";
import { inText } from "../support/in-text.ts";

test.each([
  ["", "", null],
  ["a", "a", null],
  ["a; fix: x && y", "a", "x && y"],
  ["a; fix: x; fix: y", "a", "x; fix: y"],
])("of %p", (text, what, fix) => {
  const said = readSaid(text);
  expect<unknown>([said.what, inText(said.fix)]).toEqual([what, fix]);
  expect(inText(said)).toBe(text);
});

test("a field that holds one alone is one, or there is none", () => {
  expect([inText(readFix("x; fix: y")), readFix(null)]).toEqual(["x; fix: y", null]);
});
