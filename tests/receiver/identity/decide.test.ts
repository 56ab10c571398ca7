// Whose store is it, by what its two files say?

import { describe, expect, test } from "bun:test";
import {
  decideIdentity,
  type Found,
  formatIdentity,
  parseIdentity,
  succeeding,
} from "../../../lib/receiver/identity/decide.ts";
import { inText } from "../../support/in-text.ts";

const A = "a".repeat(32);
const B = "b".repeat(32);
const C = "c".repeat(32);
const D = "d".repeat(32);

const is = (id: string, ...succeeds: string[]): Found => ({ kind: "identity", identity: { id, succeeds } });
const ABSENT: Found = { kind: "absent" };
const TORN: Found = { kind: "bad", why: "it holds nothing", machine: false };
const EIO: Found = { kind: "bad", why: "EIO", machine: true };
const known = (id: string, succeeds: string[], write: string[]) => ({
  kind: "known",
  identity: { id, succeeds },
  write,
});

test.each<[string, Found, Found, unknown]>([
  ["both agree", is(A), is(A), known(A, [], [])],
  ["both agree on whom it succeeds", is(A, B), is(A, B), known(A, [B], [])],
  ["the root's alone", is(A, B), ABSENT, known(A, [B], ["episodes"])],
  ["the episodes' alone", ABSENT, is(A, B), known(A, [B], ["root"])],
  ["the episodes' is torn", is(A), TORN, known(A, [], ["episodes"])],
  ["the root's cannot be read", EIO, is(A), known(A, [], ["root"])],
  ["a backup's root does not know whom it succeeds", is(A), is(A, B), known(A, [B], ["root"])],
  ["nor do a backup's episodes", is(A, B), is(A), known(A, [B], ["episodes"])],
  ["each knows another one", is(A, B), is(A, C), known(A, [B, C], ["root", "episodes"])],
  ["a new store", ABSENT, ABSENT, { kind: "none" }],
  ["a store put together from two", is(A), is(B), { kind: "two", root: A, episodes: B }],
  ["two that succeed each other are two", is(A, B), is(B, A), { kind: "two", root: A, episodes: B }],
  [
    "torn, and nothing else",
    TORN,
    ABSENT,
    { kind: "unreadable", place: "root", why: "it holds nothing", machine: false },
  ],
  [
    "nothing, and torn",
    ABSENT,
    TORN,
    { kind: "unreadable", place: "episodes", why: "it holds nothing", machine: false },
  ],
  ["both torn", TORN, TORN, { kind: "unreadable", place: "root", why: "it holds nothing", machine: false }],
  ["the disk's refusal", EIO, ABSENT, { kind: "unreadable", place: "root", why: "EIO", machine: true }],
])("%s", (_, root, episodes, expected) => {
  expect(decideIdentity(root, episodes)).toEqual(expected as never);
});

test("more than eight, from two files, are eight", () => {
  const ids = Array.from({ length: 12 }, (_, i) => String(i % 10).repeat(31) + (i > 9 ? "f" : "0"));
  const decision = decideIdentity(is(A, ...ids.slice(0, 8)), is(A, ...ids.slice(4)));
  expect(decision.kind === "known" && decision.identity.succeeds).toEqual(ids.slice(0, 8));
});

describe("a file's text", () => {
  test("is the id, and whom it succeeds", () => {
    expect(formatIdentity({ id: A, succeeds: [] })).toBe(`${A}\n`);
    expect(formatIdentity({ id: A, succeeds: [B, C] })).toBe(`${A}\nsucceeds ${B}\nsucceeds ${C}\n`);
  });
  test.each([
    [`${A}\n`, { id: A, succeeds: [] }],
    [A, { id: A, succeeds: [] }],
    [`${A}\nsucceeds ${B}\n`, { id: A, succeeds: [B] }],
    ["", null],
    ["\n", null],
    [A.slice(1), null],
    [`${A}0`, null],
    [A.toUpperCase(), null],
    [`${A}\nsucceeds ${B.slice(1)}`, null],
    [`${A}\nsucceeds`, null],
    [`${A}\n${B}`, null],
    [`${A}\n\nsucceeds ${B}`, null],
    ["\0".repeat(33), null],
  ])("%j", (text, expected) => {
    expect(parseIdentity(text)).toEqual(expected);
  });
});

describe("to succeed another", () => {
  test("adds it, once", () => {
    expect(succeeding({ id: A, succeeds: [B] }, C)).toEqual({ id: A, succeeds: [B, C] });
    expect(succeeding({ id: A, succeeds: [B] }, B)).toEqual({ id: A, succeeds: [B] });
  });
  const eight = Array.from({ length: 8 }, (_, i) => String(i).repeat(32));
  test.each<[string, string[], string, string]>([
    ["no id", [], "x", "32 hex digits; fix: ask the old collector: sudo receiver identity"],
    ["itself", [], A, "own id; fix: name the id of the collector that it follows"],
    ["a ninth", eight, D, `pinned any more: sudo receiver identity --forget ${eight[0]}`],
  ])("%s is refused, with its fix", (_, succeeds, other, said) => {
    const answer = succeeding({ id: A, succeeds }, other);
    if (!("refused" in answer)) throw new Error("it was taken");
    expect(inText({ what: answer.refused, fix: answer.fix })).toEndWith(said);
  });
  test("one of eight again is none more", () => {
    expect(succeeding({ id: A, succeeds: eight }, eight[3] ?? "")).toEqual({ id: A, succeeds: eight });
  });
});
