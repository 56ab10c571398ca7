// Names and paths: what comes over the wire never reaches a file name unless it is a name.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { episodePath, isName, parseEpisodePath } from "../../lib/contract/names.ts";

describe("a name", () => {
  for (const good of ["a", "Z", "0", "lab1", "ep_2026-05-01.2", "a..b", "a.", "a-", "a".repeat(128)]) {
    test(`may be ${JSON.stringify(good.slice(0, 20))} (${good.length} characters)`, () => {
      expect(isName(good)).toBe(true);
    });
  }

  for (const bad of [
    "",
    ".",
    "..",
    ".hidden",
    "-rf",
    "_x",
    "a/b",
    "a\\b",
    "a b",
    "a\n",
    "a\0",
    "\0a",
    "a%2e",
    "a:b",
    "a~1",
    "é",
    "ａ", // full-width
    "a\u0301",
    "\u212a", // the Kelvin sign, a K to a careless /i
    "a".repeat(129),
  ]) {
    test(`may not be ${JSON.stringify(bad.slice(0, 20))} (${bad.length} characters)`, () => {
      expect(isName(bad)).toBe(false);
    });
  }

  test("has only the characters of the rule, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 140 }), (text) => {
        const byHand =
          text.length >= 1 &&
          text.length <= 128 &&
          [...text].every((c) => "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-".includes(c)) &&
          !"._-".includes(text[0] ?? "");
        expect(isName(text)).toBe(byHand);
      }),
    );
  });
});

describe("an episode's path", () => {
  test("is read back as it was written, for every pair of names", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
    fc.assert(
      fc.property(name, name, (host, id) => {
        expect(parseEpisodePath(episodePath({ host, id }))).toEqual({ kind: "episode", address: { host, id } });
      }),
    );
  });

  test("may be percent-encoded once", () => {
    const address = { host: "lab1", id: "ep.1" };
    expect(parseEpisodePath("/v1/episodes/%6cab1/ep%2E1%2etar.zst")).toEqual({ kind: "episode", address });
  });

  test("may carry an id that itself ends in the suffix", () => {
    const address = { host: "lab1", id: "a.tar.zst" };
    expect(parseEpisodePath("/v1/episodes/lab1/a.tar.zst.tar.zst")).toEqual({ kind: "episode", address });
  });

  for (const [what, path] of Object.entries({
    "a parent directory": "/v1/episodes/../ep.tar.zst",
    "an encoded parent directory": "/v1/episodes/%2e%2e/ep.tar.zst",
    "an encoded slash": "/v1/episodes/lab1/..%2f..%2fetc%2fpasswd.tar.zst",
    "a doubly encoded dot": "/v1/episodes/%252e%252e/ep.tar.zst",
    "a doubly encoded letter": "/v1/episodes/%256cab1/ep.tar.zst",
    "a NUL": "/v1/episodes/lab1/ep%00.tar.zst",
    "a line break": "/v1/episodes/lab1/ep%0a.tar.zst",
    "a half escape": "/v1/episodes/lab1/ep%.tar.zst",
    "a lone continuation byte": "/v1/episodes/lab1/ep%80.tar.zst",
    "an overlong slash": "/v1/episodes/lab1/%c0%af.tar.zst",
    "a letter beyond ASCII": "/v1/episodes/lab1/%C3%A9.tar.zst",
    "an empty host": "/v1/episodes//ep.tar.zst",
    "an empty id": "/v1/episodes/lab1/.tar.zst",
    "no id": "/v1/episodes/lab1",
    "a trailing slash": "/v1/episodes/lab1/ep.tar.zst/",
    "one segment too many": "/v1/episodes/lab1/x/ep.tar.zst",
    "another suffix": "/v1/episodes/lab1/ep.tar.gz",
    "the suffix in capitals": "/v1/episodes/lab1/ep.TAR.ZST",
    "129 characters": `/v1/episodes/lab1/${"a".repeat(129)}.tar.zst`,
    "a query string": "/v1/episodes/lab1/ep.tar.zst?x=1",
    "a backslash": "/v1/episodes/lab1/..\\x.tar.zst",
  })) {
    test(`with ${what} is refused`, () => {
      expect(parseEpisodePath(path)).toEqual({ kind: "invalid" });
    });
  }

  for (const path of [
    "/",
    "",
    "/v1/episodes",
    "/v2/episodes/lab1/ep.tar.zst",
    "/v1/heartbeats/lab1",
    "/V1/episodes/a/b",
  ]) {
    test(`is not ${JSON.stringify(path)}`, () => {
      expect(parseEpisodePath(path)).toEqual({ kind: "foreign" });
    });
  }

  test("never yields anything but two names, whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (host, id) => {
        const parsed = parseEpisodePath(`/v1/episodes/${host}/${id}.tar.zst`);
        if (parsed.kind === "episode")
          expect([isName(parsed.address.host), isName(parsed.address.id)]).toEqual([true, true]);
      }),
    );
  });
});
