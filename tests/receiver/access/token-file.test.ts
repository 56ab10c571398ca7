// Which tokens a file holds, which one may go, and what is left when it is gone.

import { expect, test } from "bun:test";
import { tokensIn, tokenText, toRevoke, useText, withoutToken } from "../../../lib/receiver/access/token-file.ts";

const [A, B] = ["a".repeat(64), "b".repeat(64)];
const FILE = `# lab1's\n# added 2026-05-01T06:37:53.830Z\nsha256:${A}\n\n# added 2026-06-01T00:00:00.000Z\n  sha256:${B} # the new one\n`;
const SINCE = "2026-05-15T00:00:00.000Z";

test("the tokens in their order, each with the time before it", () => {
  expect(tokensIn(FILE, { since: SINCE, used: { aaaaaaaa: "2026-06-02T10:00:00.000Z" } })).toEqual([
    { id: "aaaaaaaa", added: "2026-05-01T06:37:53.830Z", lastUsed: "2026-06-02T10:00:00.000Z", watchedSince: SINCE },
    { id: "bbbbbbbb", added: "2026-06-01T00:00:00.000Z", lastUsed: null, watchedSince: SINCE },
  ]);
  // Used in the hour in which it was added: not before that.
  expect(tokensIn(FILE, { since: SINCE, used: { aaaaaaaa: "2026-05-01T06:00:00.000Z" } })[0]?.lastUsed).toBe(
    "2026-05-01T06:37:53.830Z",
  );
  expect(tokensIn(`sha256:${A}\nsha256:${B}\n`).map(({ added }) => added)).toEqual([null, null]);
  expect(tokensIn(`# added 2026-05-01T06:37:53.830Z\nsha256:${A}\nsha256:${B}\n`)[1]?.added).toBeNull();
});

test("without one: its line, and the line that says when it was added", () => {
  expect(withoutToken(FILE, "aaaaaaaa")).toBe(
    `# lab1's\n\n# added 2026-06-01T00:00:00.000Z\n  sha256:${B} # the new one\n`,
  );
  expect(withoutToken(FILE, "bbbbbbbb")).toBe(`# lab1's\n# added 2026-05-01T06:37:53.830Z\nsha256:${A}\n\n`);
  expect(withoutToken(FILE, "cccccccc")).toBe(FILE);
  expect(withoutToken(`# mine\nsha256:${A}\n`, "aaaaaaaa")).toBe("# mine\n");
});

test("the one to revoke: never used, else not used for longest, else the first", () => {
  const of = (used: Record<string, string>) => toRevoke(tokensIn(FILE, { since: SINCE, used }))?.id;
  const [early, late] = ["2026-06-02T10:00:00.000Z", "2026-06-03T10:00:00.000Z"];
  expect([of({ aaaaaaaa: early }), of({ bbbbbbbb: early })]).toEqual(["bbbbbbbb", "aaaaaaaa"]);
  expect([of({ aaaaaaaa: late, bbbbbbbb: early }), of({ aaaaaaaa: early, bbbbbbbb: late })]).toEqual([
    "bbbbbbbb",
    "aaaaaaaa",
  ]);
  expect([of({}), of({ aaaaaaaa: early, bbbbbbbb: early })]).toEqual(["aaaaaaaa", "aaaaaaaa"]);
  expect(toRevoke([])).toBeUndefined();
});

test("in words that claim no more than is known", () => {
  const token = { id: "aaaaaaaa", added: "2026-05-01T06:37:53.830Z", lastUsed: null, watchedSince: null };
  expect([
    useText(token),
    useText({ ...token, watchedSince: SINCE }),
    useText({ ...token, watchedSince: "2026-04-01T00:00:00.000Z" }),
    useText({ ...token, added: null, watchedSince: SINCE }),
    useText({ ...token, lastUsed: "2026-06-02T10:00:00.000Z" }),
  ]).toEqual([
    "last use not known",
    "not used since 2026-05-15 00:00",
    "never used",
    "not used since 2026-05-15 00:00",
    "last used 2026-06-02 10:00",
  ]);
  expect(tokenText(token)).toBe("aaaaaaaa (added 2026-05-01 06:37, last use not known)");
});
