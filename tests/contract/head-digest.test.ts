import { expect, test } from "bun:test";
import { formatHeadDigest, type Head, headText, parseHeadDigest } from "../../lib/contract/head-digest.ts";

const HEAD: Head = {
  ...{ host: "lab1", id: "ep1", commitHeader: "X-Labfleet-Code-Commit", commit: "abc", contentLength: "5" },
  ...{ reprDigest: "sha-256=:AA=:", treeDigest: null },
};

test("a line for each field, in one order; the header's name in small letters, as paths may write it", () => {
  expect(headText(HEAD)).toBe("lab1\nep1\nx-labfleet-code-commit\nabc\n5\nsha-256=:AA=:\n\n");
  expect(headText({ ...HEAD, commit: null })).toBe("lab1\nep1\nx-labfleet-code-commit\n\n5\nsha-256=:AA=:\n\n");
});

test("is written with the name of the commit's header, and read back; what is none is none", () => {
  const sha256 = "0a".repeat(32);
  const value = formatHeadDigest("X-Cis490-Code-Commit", sha256);
  expect(value).toBe(`X-Cis490-Code-Commit ${sha256}`);
  expect(parseHeadDigest(` ${value} `)).toEqual({ commitHeader: "X-Cis490-Code-Commit", sha256 });
  for (const bad of ["", sha256, `X: ${sha256}`, `X ${sha256.slice(1)}`, `X ${sha256.toUpperCase()}`, `X  ${sha256}`])
    expect(parseHeadDigest(bad)).toBeNull();
});
