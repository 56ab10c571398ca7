// Values in log lines: whatever they are, they can be read back, and nothing in them passes for a field.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { clip, formatFields, quoted } from "../../../lib/core/text/fields.ts";
import { readLine, searchLine } from "../../support/log-line.ts";

const FORGED = 'x" episode=forged status=201';
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(FORGED, ' a="b', "\\", '\\" c=d', "="),
);

describe("fields", () => {
  for (const [fields, line] of [
    [{ a: 1, b: true, c: "plain" }, " a=1 b=true c=plain"],
    [{ a: null, b: undefined, c: 0 }, " c=0"],
    [{ path: "/var/lib/x.y:1@z+,-_" }, " path=/var/lib/x.y:1@z+,-_"],
    [
      { parent: "systemd(1)", task: "[kworker/0:1]", signal: "signal#35" },
      " parent=systemd(1) task=[kworker/0:1] signal=signal#35",
    ],
    [{ a: "two words" }, ' a="two words"'],
    [{ a: "x b=forged" }, ' a="x b=forged"'],
    [{ a: 'x" b="forged' }, ' a="x\\" b=\\"forged"'],
    [{ a: "" }, ' a=""'],
    [{ a: "x=y" }, ' a="x=y"'],
    [{ a: "back\\slash" }, ' a="back\\\\slash"'],
    [{ a: "x\n\u001b[2J" }, ' a="x\\n\\u001b[2J"'],
    [{ a: "\u2028\u0085\u202e" }, ' a="\\u2028\\u0085\\u202e"'],
    [{ a: "ü" }, ' a="ü"'],
    [{ "a b=c": "x" }, " a_b_c=x"],
  ] as const) {
    test(`${JSON.stringify(fields)} are${line}`, () => expect(formatFields(fields)).toBe(line));
  }

  test("of any text are read back as that text, and as that field alone", () => {
    fc.assert(
      fc.property(text, text, (first, second) => {
        const line = `said${formatFields({ first, second })}`;
        expect(readLine(line)).toEqual({
          fields: [
            ["first", first],
            ["second", second],
          ],
          words: ["said"],
        });
        expect(searchLine(line)).toEqual([
          ["first", first],
          ["second", second],
        ]);
      }),
    );
  });

  test("that are very long are cut, within their quotes, and push no other out", () => {
    const read = readLine(formatFields({ a: "x".repeat(5000), b: `y ${"z".repeat(5000)}`, c: 1 })).fields;
    expect(read.map(([key, value]) => [key, value.slice(-24)])).toEqual([
      ["a", "x… (904 more characters)"],
      ["b", "z… (906 more characters)"],
      ["c", "1"],
    ]);
  });
});

describe("quoted text in a message", () => {
  test("is a JSON string, readable for people", () => {
    expect(quoted("ENOENT: no such file, open '/var/lib/x'")).toBe(`"ENOENT: no such file, open '/var/lib/x'"`);
    expect(quoted(FORGED)).toBe('"x\\" episode\\u003dforged status\\u003d201"');
  });

  test("of any kind forges no field, and is read back", () => {
    fc.assert(
      fc.property(text, (outside) => {
        const line = `not shipped yet: ${quoted(outside)}; tried again${formatFields({ episode: "real" })}`;
        expect(readLine(line).fields).toEqual([["episode", "real"]]);
        expect(searchLine(line)).toEqual([["episode", "real"]]);
        expect(JSON.parse(quoted(outside))).toBe(outside);
      }),
    );
  });

  test("that is not quoted would forge one: the judge can tell", () => {
    expect(readLine(`said: x episode=forged${formatFields({ episode: "real" })}`).fields).toHaveLength(2);
    expect(searchLine(`said: "x episode=forged"${formatFields({ episode: "real" })}`)).toHaveLength(2);
    expect(() => readLine(`said: ${FORGED}`)).toThrow("not closed");
  });
});

describe("a text that is too long", () => {
  for (const [whole, bytes, cut] of [
    ["abc", 9, "abc"],
    ["abc", 3, "abc"],
    ["abc", 2, "ab… (1 more characters)"],
    ["äöü", 4, "äö… (1 more characters)"],
    ["äöü", 5, "äö… (1 more characters)"],
    ["😀😀", 4, "😀… (2 more characters)"],
    ["😀😀", 7, "😀… (2 more characters)"],
    ["", 0, ""],
  ] as const) {
    test(`${JSON.stringify(whole)} in ${bytes} bytes is ${JSON.stringify(cut)}`, () =>
      expect(clip(whole, bytes)).toBe(cut));
  }
});
