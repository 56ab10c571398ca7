// What may not reach a terminal or a log as it is: whatever steers, reorders or hides.

import { expect, test } from "bun:test";
import { printable } from "../../../lib/core/text/printable.ts";

test.each([
  ["\x1b[31mred", "\\u001b[31mred"],
  ["a\nb\r\tc\x7f\x85", "a\\u000ab\\u000d\\u0009c\\u007f\\u0085"],
  ["\u2028\u2029", "\\u2028\\u2029"],
  ["\u200e\u200f\u061c", "\\u200e\\u200f\\u061c"],
  [
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    "\\u202a\\u202b\\u202c\\u202d\\u202e\\u2066\\u2067\\u2068\\u2069",
  ],
  ["lab\u200b1\u200c\u200d\u2060\ufeff", "lab\\u200b1\\u200c\\u200d\\u2060\\ufeff"],
  ["\u00ad\u034f\u115f\u3164\ufe0f\ufff9", "\\u00ad\\u034f\\u115f\\u3164\\ufe0f\\ufff9"],
  // Tags: an invisible copy of ASCII.
  ["x\u{e0041}\u{e0001}\u{e01ef}", "x\\udb40\\udc41\\udb40\\udc01\\udb40\\uddef"],
  ["\ud800x\udc00", "\\ud800x\\udc00"],
])("%j is shown as %s, and is read back by JSON", (text, shown) => {
  expect(printable(text)).toBe(shown);
  expect(JSON.parse(`"${shown}"`)).toBe(text);
});

test("letters of any script, signs and pictures stay as they are", () => {
  for (const text of ["Größe 5 µs", "データ", "עברית", "العربية", "😀 ≥ 3 °C", " "]) expect(printable(text)).toBe(text);
});

test("every format character of Unicode is escaped, up to the last plane", () => {
  const raw: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(character) && printable(character) === character) raw.push(character);
  }
  expect(raw).toEqual([]);
});
