// Names of bytes as a person reads them.

import { expect, test } from "bun:test";
import { readableName, shortName } from "../../../lib/shipper/episode/byte-name.ts";

const bytes = (text: string): string => Buffer.from(text).toString("latin1");

for (const [what, name, shown] of [
  ["UTF-8", bytes("mesure-é.csv"), "mesure-é.csv"],
  ["a byte that is no UTF-8", "a\xff", "a\\xff"],
  ["UTF-8 and a byte that is none", `${bytes("é")}\xfe`, "\\xc3\\xa9\\xfe"],
  ["a replacement character of its own", bytes("\ufffd"), "\ufffd"],
  ["a byte order mark", bytes("\ufeffx"), "\ufeffx"],
] as const) {
  test(`${what} is read as it is`, () => expect(readableName(name)).toBe(shown));
}

test("a long path keeps its beginning and its end within a sentence", () => {
  expect(shortName(`begin/${"x".repeat(5000)}/end`)).toMatch(/^begin\/x{93}…x{95}\/end$/);
  expect(shortName("y".repeat(200))).toBe("y".repeat(200));
});
