// Several sayings in one line: its end is one remedy, which can be pasted as it stands.

import { expect, test } from "bun:test";
import type { Finding } from "../../lib/core/finding.ts";
import { beforeRemedy, clipFinding, remedyLast } from "../../lib/core/remedy-last.ts";
import { inText } from "../support/in-text.ts";

/** A finding, with these words for a remedy. */
const f = (what: string, fix?: string): Finding => ({
  what,
  fix: fix === undefined ? null : { text: fix, commands: [] },
});

test.each<[Finding[], string]>([
  [[], ""],
  [[f("a")], "a"],
  [[f("a"), f("b")], "a · b"],
  [[f("a", "x && y")], "a; fix: x && y"],
  [[f("a", "x"), f("b")], "a · b; fix: x"],
  [[f("a"), f("b", "x; then y"), f("c")], "a · b · c; fix: x; then y"],
  [[f("a", "x"), f("b", "y")], "a · b; fix: x"],
  // What looks like a mark is told apart by nobody: what a finding says and its remedy are two things.
  [[f("a; fix: no", "x; fix: y"), f("b")], "a; fix: no · b; fix: x; fix: y"],
  [[f("a"), f("b", "x; fix: y"), f("c", "z")], "a · b · c; fix: x; fix: y"],
])("of %p", (findings, line) => {
  expect(inText(remedyLast(findings, " · "))).toBe(line);
});

test("more words stand before it", () => {
  const more = (finding: Finding): string => inText(beforeRemedy(finding, " (and 2 more)"));
  expect([f("a", "x"), f("a"), f("a", "x; fix: y")].map(more)).toEqual([
    "a (and 2 more); fix: x",
    "a (and 2 more)",
    "a (and 2 more); fix: x; fix: y",
  ]);
});

test("what is said is cut, its remedy never: it is there as a whole, or not at all", () => {
  const long = "y".repeat(593);
  expect(
    [f("abcdef", "x && y"), f("abc", "x"), f("abcdef"), f("abcd", long), f("abcd", `${long}y`)].map((finding) =>
      inText(clipFinding(finding, 4)),
    ),
  ).toEqual(["abcd…; fix: x && y", "abc; fix: x", "abcd…", `abcd; fix: ${long}`, "abcd"]);
});
