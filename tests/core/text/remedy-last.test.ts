// Several sayings in one line: its end is one remedy, which can be pasted as it stands.

import { expect, test } from "bun:test";
import { beforeRemedy, clipSaying, remedyLast } from "../../../lib/core/text/remedy-last.ts";

test.each<[string[], string]>([
  [[], ""],
  [["a"], "a"],
  [["a", "b"], "a · b"],
  [["a; fix: x && y"], "a; fix: x && y"],
  [["a; fix: x", "b"], "a · b; fix: x"],
  [["a", "b; fix: x; then y", "c"], "a · b · c; fix: x; then y"],
  [["a; fix: x", "b; fix: y"], "a · b; fix: x"],
  // What is behind the first mark is the remedy, whatever stands in it.
  [["a; fix: x; fix: y", "b"], "a · b; fix: x; fix: y"],
  [["a", "b; fix: x; fix: y", "c; fix: z"], "a · b · c; fix: x; fix: y"],
])("of %p", (sayings, line) => {
  expect(remedyLast(sayings, " · ")).toBe(line);
});

test("more words stand before it", () => {
  const more = (saying: string): string => beforeRemedy(saying, " (and 2 more)");
  expect(["a; fix: x", "a", "a; fix: x; fix: y"].map(more)).toEqual([
    "a (and 2 more); fix: x",
    "a (and 2 more)",
    "a (and 2 more); fix: x; fix: y",
  ]);
});

test("what is said is cut, its remedy never: it is there as a whole, or not at all", () => {
  const long = "y".repeat(593);
  expect(
    ["abcdef; fix: x && y", "abc; fix: x", "abcdef", `abcd; fix: ${long}`, `abcd; fix: ${long}y`].map((saying) =>
      clipSaying(saying, 4),
    ),
  ).toEqual(["abcd…; fix: x && y", "abc; fix: x", "abcd…", `abcd; fix: ${long}`, "abcd"]);
});
