// Bytes as text: well-formed whatever they were, and a cut never leaves half a character.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cutUtf8, decodeOutput } from "../../../lib/core/text/utf8.ts";

describe("bytes of a plugin", () => {
  for (const [name, bytes, text, lossy] of [
    ["that are UTF-8", [0xc3, 0xa4, 0x20, 0xf0, 0x9f, 0x98, 0x80], "ä 😀", false],
    ["that are none are replaced", [0x61, 0xf6, 0xff, 0x00, 0x62], "a\ufffd\ufffdb", true],
    ["with a NUL lose it", [0x61, 0x00, 0x62], "ab", true],
    ["with the replacement character itself have lost nothing", [0xef, 0xbf, 0xbd], "\ufffd", false],
    ["with half a surrogate are none", [0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd", true],
    ["with a byte order mark", [0xef, 0xbb, 0xbf, 0x61], "a", false],
    ["that end within a character", [0x61, 0xe2, 0x82], "a\ufffd", true],
    ["that are not there", [], "", false],
  ] as const) {
    test(name, () => expect(decodeOutput(Uint8Array.from(bytes))).toEqual({ text, lossy }));
  }

  test("are well-formed text whatever they are, and survive JSON", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const { text, lossy } = decodeOutput(bytes);
        expect(text.isWellFormed() && !text.includes("\0")).toBe(true);
        expect(JSON.parse(JSON.stringify(text))).toBe(text);
        const again = Buffer.from(text);
        const mark = Buffer.from(bytes.subarray(0, 3)).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? 3 : 0;
        expect(lossy).toBe(!again.equals(Buffer.from(bytes.subarray(mark))));
      }),
      { numRuns: 2000 },
    );
  });

  for (const [bytes, max, kept] of [
    [[0x61, 0x62], 2, 2],
    [[0x61, 0x62], 1, 1],
    [[0x61, 0x62], 0, 0],
    [[0xc3, 0xa4, 0xc3, 0xa4], 3, 2],
    [[0xe2, 0x82, 0xac, 0x61], 1, 0],
    [[0xe2, 0x82, 0xac, 0x61], 2, 0],
    [[0xe2, 0x82, 0xac, 0x61], 3, 3],
    [[0xf0, 0x9f, 0x98, 0x80, 0x61], 3, 0],
    [[0xf0, 0x9f, 0x98, 0x80, 0x61], 4, 4],
    [[0x61, 0xff, 0x80, 0x80], 3, 3],
    [[0x80, 0x80, 0x80, 0x80, 0x80, 0x80], 5, 5],
  ] as const) {
    test(`[${bytes.map((byte) => byte.toString(16)).join(" ")}] are cut at ${kept} for ${max}`, () =>
      expect([...cutUtf8(Uint8Array.from(bytes), max)]).toEqual(bytes.slice(0, kept)));
  }

  test("that are UTF-8 are so after every cut, with three bytes fewer at most", () => {
    const plain = fc.string({ unit: "grapheme" }).filter((text) => !/[\0\ufeff]/.test(text));
    fc.assert(
      fc.property(plain, fc.nat(40), (text, max) => {
        const bytes = new TextEncoder().encode(text);
        const cut = cutUtf8(bytes, max);
        const { text: kept, lossy } = decodeOutput(cut);
        expect({ lossy, isStart: text.startsWith(kept) }).toEqual({ lossy: false, isStart: true });
        expect(cut.length <= max && cut.length > Math.min(bytes.length, max) - 4).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
