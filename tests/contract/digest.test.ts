// Digests in their three spellings.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatReprDigest,
  formatTreeDigest,
  isSha256Hex,
  isTreeDigest,
  parseReprDigest,
  parseTreeDigest,
} from "../../lib/contract/digest.ts";

/** SHA-256 of "hello world", from sha256sum(1). */
const HELLO = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
const HELLO_BASE64 = "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("hex"));

describe("Repr-Digest", () => {
  test("is written as RFC 9530 does", () => {
    expect(formatReprDigest(HELLO)).toBe(`sha-256=:${HELLO_BASE64}:`);
  });

  test("comes back as it went, for every digest", () => {
    fc.assert(fc.property(digest, (hex) => expect(parseReprDigest(formatReprDigest(hex))).toBe(hex)));
  });

  for (const [what, value] of Object.entries({
    "among other algorithms": `sha-512=:AAAA:, sha-256=:${HELLO_BASE64}:`,
    "before other algorithms": `sha-256=:${HELLO_BASE64}:,md5=:AAAA:`,
    "twice, the last one of two": `sha-256=:${"A".repeat(43)}=:, sha-256=:${HELLO_BASE64}:`,
    "with parameters": `sha-256=:${HELLO_BASE64}:;q=1; w="a,b;c";x, sha-512=:AAAA:;y=?1`,
    "behind a string with a comma in it": `note="sha-256=:AAAA:, x", sha-256=:${HELLO_BASE64}:`,
    "beside nothing": `sha-256=:${HELLO_BASE64}:, , `,
    "with blanks around": `  sha-256=:${HELLO_BASE64}:  `,
  })) {
    test(`is found ${what}`, () => {
      expect(parseReprDigest(value)).toBe(HELLO);
    });
  }

  for (const value of ["", "sha-512=:AAAA:", "sha-2567=:AAAA:", "md5=:sha-256=:"]) {
    test(`has no sha-256 in ${JSON.stringify(value)}`, () => {
      expect(parseReprDigest(value)).toBeNull();
    });
  }

  for (const [what, value] of Object.entries({
    hex: `sha-256=${HELLO}`,
    "no colons": `sha-256=${HELLO_BASE64}`,
    "too short": "sha-256=:AAAA:",
    "too long": `sha-256=:${HELLO_BASE64.slice(0, -1)}AA=:`,
    base64url: `sha-256=:${HELLO_BASE64.replace("+", "-")}:`,
    empty: "sha-256=",
    "a last one that is none": `sha-256=:${HELLO_BASE64}:, sha-256=1`,
    "no value": `sha-256;q=:${HELLO_BASE64}:`,
    "something behind it": `sha-256=:${HELLO_BASE64}:x`,
    "capitals in its key": `SHA-256=:${HELLO_BASE64}:`,
  })) {
    test(`with ${what} is malformed`, () => {
      expect(parseReprDigest(value)).toBe("malformed");
    });
  }
});

describe("the tree digest", () => {
  test("of a later tar format is named with it, everywhere", () => {
    for (const tree of [`v2:${HELLO}`, `v17:${HELLO}`]) {
      expect([isTreeDigest(tree), formatTreeDigest(tree), parseTreeDigest(` ${tree} `)]).toEqual([true, tree, tree]);
    }
    // Format 1 has one spelling each in memory and on the wire, or two of one tar would not be equal.
    for (const text of [`v1:${HELLO}`, `v0:${HELLO}`, `v02:${HELLO}`, `v2:${HELLO}0`, `2:${HELLO}`, "v2:"]) {
      expect([isTreeDigest(text), parseTreeDigest(text)]).toEqual([false, "malformed"]);
    }
    expect([isTreeDigest(HELLO), isTreeDigest(null)]).toEqual([true, false]);
  });

  test("comes back as it went", () => {
    fc.assert(fc.property(digest, (hex) => expect(parseTreeDigest(formatTreeDigest(hex))).toBe(hex)));
    expect(formatTreeDigest(HELLO)).toBe(`sha256:${HELLO}`);
  });

  for (const value of [
    HELLO,
    `sha-256:${HELLO}`,
    `sha256:${HELLO.toUpperCase()}`,
    `sha256:${HELLO}0`,
    `sha256: ${HELLO}`,
    "",
  ]) {
    test(`${JSON.stringify(value.slice(0, 12))}… of ${value.length} characters is malformed`, () => {
      expect(parseTreeDigest(value)).toBe("malformed");
    });
  }
});

test("only 64 lower-case hex digits are a digest", () => {
  const good = [HELLO, "0".repeat(64)];
  const bad = [HELLO.toUpperCase(), HELLO.slice(1), `${HELLO}0`, `${HELLO}\n`, "g".repeat(64), null, 1, [HELLO], {}];
  expect(good.map(isSha256Hex)).toEqual(good.map(() => true));
  expect(bad.map(isSha256Hex)).toEqual(bad.map(() => false));
});
