// Which episodes `shipper discard` is about: what is said, and what lies there.

import { describe, expect, test } from "bun:test";
import { UserError } from "../../../lib/core/failure.ts";
import { choose, type Doomed, readChoice } from "../../../lib/shipper/retention/choice.ts";

const NOW = Date.parse("2026-06-20T12:00:00Z");
const TODAY = { day: 100, nowMs: NOW };
const refused = (name: string, change: object): Doomed => ({
  name,
  directory: "1",
  note: JSON.stringify({ labfleet: 1, fingerprint: "f", episode_id: name, reason: "conflict", ...change }),
});
const shipped = (name: string, change: object): Doomed => ({
  name,
  directory: "1",
  note: JSON.stringify({ labfleet: 1, fingerprint: "f", episode_id: name, verified: false, ...change }),
});
const thrown = (work: () => unknown): UserError => {
  try {
    work();
  } catch (error) {
    if (error instanceof UserError) return error;
  }
  throw new Error("nothing was thrown");
};

describe("what is said", () => {
  for (const [what, operands, options, choice] of [
    ["names, each once", ["a", "b", "a"], {}, { kind: "named", names: ["a", "b"] }],
    ["a reason", [], { reason: "conflict" }, { kind: "reason", reason: "conflict", olderThanDays: 0 }],
    [
      "a reason and an age",
      [],
      { reason: "x", "older-than": "30d" },
      { kind: "reason", reason: "x", olderThanDays: 30 },
    ],
    [
      "unverified and an age",
      [],
      { "shipped-unverified": true, "older-than": "7" },
      { kind: "unverified", olderThanDays: 7 },
    ],
  ] as [string, string[], Record<string, string | true>, object][]) {
    test(`may be ${what}`, () => expect(readChoice({ operands, options })).toMatchObject(choice));
  }

  for (const [what, operands, options] of [
    ["nothing", [], {}],
    ["names and a reason", ["a"], { reason: "x" }],
    ["a reason and unverified", [], { reason: "x", "shipped-unverified": true }],
    ["names and an age", ["a"], { "older-than": "3" }],
    ["an age that is none", [], { reason: "x", "older-than": "3 weeks" }],
    ["an age below nothing", [], { reason: "x", "older-than": "-1" }],
  ] as [string, string[], Record<string, string | true>][]) {
    test(`may not be ${what}`, () => expect(thrown(() => readChoice({ operands, options })).exitCode).toBe(2));
  }
});

describe("what is chosen", () => {
  const settled = [
    refused("old", { refused_day: 60 }),
    refused("young", { refused_day: 71 }),
    refused("by-clock", { at: "2026-05-01T00:00:00Z" }),
    refused("nobody-knows", {}),
    refused("large", { reason: "too-large", refused_day: 1 }),
    { name: "bare", note: null, directory: "1" },
  ];
  const names = (choice: Parameters<typeof choose>[1], list = settled): string[] =>
    choose(list, choice, TODAY).doomed.map(({ name }) => name);

  test("are those named, and what is not there is said", () => {
    const chosen = choose(settled, { kind: "named", names: ["bare", "large", "typo"] }, TODAY);
    expect(chosen.doomed.map(({ name, why }) => [name, why])).toEqual([
      ["bare", "unknown"],
      ["large", "too-large"],
    ]);
    expect(chosen.missing).toEqual(["typo"]);
  });

  test("are those of a reason, as old as is said; of no age that is known only without one", () => {
    expect(names({ kind: "reason", reason: "conflict", olderThanDays: 30 })).toEqual(["old", "by-clock"]);
    expect(names({ kind: "reason", reason: "conflict", olderThanDays: 0 })).toEqual([
      "old",
      "young",
      "by-clock",
      "nobody-knows",
    ]);
    expect(names({ kind: "reason", reason: "unknown", olderThanDays: 0 })).toEqual(["bare"]);
  });

  test("are none of a reason that is not there: those that are, are named", () => {
    const error = thrown(() => choose(settled, { kind: "reason", reason: "conflit", olderThanDays: 0 }, TODAY));
    expect(error.message).toContain('refused for "conflit"; the reasons there are conflict, too-large, unknown');
    expect(error.hint).toBe("sudo shipper discard --reason conflict");
    const of = (reason: string) =>
      thrown(() => choose(settled, { kind: "reason", reason, olderThanDays: 30 }, TODAY)).hint;
    expect([of("conflit"), of("xyz")]).toEqual([
      "sudo shipper discard --reason conflict --older-than 30",
      "see what they are: sudo shipper status",
    ]);
    expect(thrown(() => choose([], { kind: "reason", reason: "x", olderThanDays: 0 }, TODAY)).message).toContain(
      "nothing lies",
    );
  });

  test("are those that a receiver took without a proof, and never one that is proved", () => {
    const list = [
      shipped("old", { shipped_at: "2026-06-01T00:00:00Z" }),
      shipped("new", { shipped_at: "2026-06-20T00:00:00Z" }),
      shipped("proved", { shipped_at: "2026-06-01T00:00:00Z", verified: true }),
      { name: "bare", note: null, directory: "1" },
    ];
    expect(names({ kind: "unverified", olderThanDays: 7 }, list)).toEqual(["old"]);
    expect(names({ kind: "unverified", olderThanDays: 0 }, list)).toEqual(["old", "new"]);
  });
});
