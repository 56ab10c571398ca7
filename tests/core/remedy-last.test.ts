// Several sayings in one line: its end is one remedy, which can be pasted as it stands.

import { expect, test } from "bun:test";
import { beforeRemedy, remedyLast } from "../../lib/core/remedy-last.ts";

test.each<[string[], string]>([
  [[], ""],
  [["a"], "a"],
  [["a", "b"], "a · b"],
  [["a; fix: x && y"], "a; fix: x && y"],
  [["a; fix: x", "b"], "a · b; fix: x"],
  [["a", "b; fix: x; then y", "c"], "a · b · c; fix: x; then y"],
  [["a; fix: x", "b; fix: y"], "a · b; fix: x"],
])("of %p", (sayings, line) => {
  expect(remedyLast(sayings, " · ")).toBe(line);
});

test("more words stand before it", () => {
  expect([beforeRemedy("a; fix: x", " (and 2 more)"), beforeRemedy("a", " (and 2 more)")]).toEqual([
    "a (and 2 more); fix: x",
    "a (and 2 more)",
  ]);
});
