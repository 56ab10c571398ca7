// What a name means under which something is stored already, as a table.

import { describe, expect, test } from "bun:test";
import type { IndexRow } from "../../../lib/contract/index-row.ts";
import type { Declared, Refusal } from "../../../lib/receiver/decide.ts";
import type { Stored } from "../../../lib/receiver/episode-store.ts";
import { decideSecond, decideStored } from "../../../lib/receiver/episodes/name-taken.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);
const T = "c".repeat(64);

const reasonOf = (decision: { kind: string } | Refusal): string =>
  "reason" in decision ? decision.reason : decision.kind;

describe("a name that is taken", () => {
  const row = { sha256: A, tree_sha256: T } as IndexRow;
  const declared = (sha256: string | null, treeSha256: string | null): Declared => ({
    kind: "declared",
    bytes: 1,
    sha256,
    treeSha256,
  });
  test.each<[string, Stored, Declared, string]>([
    ["a new name", { kind: "none" }, declared(A, T), "read"],
    ["the same bytes", { kind: "stored", row }, declared(A, null), "duplicate"],
    ["packed again: other bytes, same tree", { kind: "stored", row }, declared(B, T), "duplicate"],
    ["other bytes, other tree", { kind: "stored", row }, declared(B, B), "conflict"],
    ["other bytes, no tree", { kind: "stored", row }, declared(B, null), "conflict"],
    ["no digest declared", { kind: "stored", row }, declared(null, null), "read"],
    ["only an equal tree declared", { kind: "stored", row }, declared(null, T), "duplicate"],
    ["file missing, the same bytes again", { kind: "row-only", row }, declared(A, T), "read"],
    ["file missing, other bytes", { kind: "row-only", row }, declared(B, B), "conflict"],
    [
      "file missing, same tree but other bytes cannot be its file",
      { kind: "row-only", row },
      declared(B, T),
      "conflict",
    ],
    ["file missing, no digest", { kind: "row-only", row }, declared(null, null), "read"],
    ["our copy is damaged", { kind: "damaged", row, why: { what: "", fix: null } }, declared(A, T), "damaged"],
  ])("%s", (_, stored, sent, expected) => {
    expect(reasonOf(decideStored(stored, sent))).toBe(expected);
  });
  test("a conflict says what is stored", () => {
    expect(decideStored({ kind: "stored", row }, declared(B, null))).toMatchObject({
      stored: { sha256: A, tree_sha256: T },
    });
  });
  test("a conflict with a missing file does not give the tree digest: a shipper would call it delivered", () => {
    expect(decideStored({ kind: "row-only", row }, declared(B, T))).toHaveProperty("stored", { sha256: A });
  });
  test.each<[Exclude<Stored, { kind: "none" }>, Declared, string, string]>([
    [{ kind: "stored", row }, declared(null, null), A, "duplicate"],
    [{ kind: "stored", row }, declared(null, T), B, "duplicate"],
    [{ kind: "stored", row }, declared(null, null), B, "conflict"],
    [{ kind: "row-only", row }, declared(null, null), B, "conflict"],
    [{ kind: "row-only", row }, declared(A, T), A, "damaged"],
    [{ kind: "damaged", row, why: { what: "", fix: null } }, declared(A, T), A, "damaged"],
    [{ kind: "damaged", row, why: { what: "", fix: null } }, declared(B, T), B, "damaged"],
  ])("after the body: %p %p %s: %s", (stored, sent, sha256, expected) => {
    expect(reasonOf(decideSecond(stored, sent, sha256))).toBe(expected);
  });
});
