// Whom a code gives a token, and whom not.

import { describe, expect, test } from "bun:test";
import { type Code, formatCode, parseCode } from "../../../lib/contract/enrolment-code.ts";
import { decideEnrolment, isOver, isPast, usedBy } from "../../../lib/receiver/enrolment/decide.ts";

const AT = Date.UTC(2026, 4, 1, 12);
const HOUR = 3_600_000;
const [MINE, OTHER] = ["a".repeat(64), "b".repeat(64)];
const code = (more: Partial<Code> = {}): Code => ({
  ...{ made_at: new Date(AT).toISOString(), until: new Date(AT + HOUR).toISOString() },
  ...{ host: null, replaces: false, used: null, ...more },
});
const NAMES = { hosts: ["lab1", "Lab2"], own: ["hub", "collector.wg", "collector"] };
const asked = (host: string, hash: string | undefined = MINE) => ({ host_id: host, token_sha256: hash ?? "" });
const of = (what: Code | null, host = "lab9", hash: string | undefined = MINE, atMs = AT): string => {
  const decided = decideEnrolment(what, asked(host, hash), atMs, NAMES);
  return decided.kind === "refused" ? `${decided.reason}: ${decided.detail}` : `${decided.kind} ${decided.replaces}`;
};

test("a host that is new gets its token, once", () => {
  expect(of(code())).toBe("enrol false");
  const used = usedBy(code(), asked("lab9"), AT + 5);
  expect(used.used).toEqual({ host: "lab9", token_sha256: MINE ?? "", at: "2026-05-01T12:00:00.005000+00:00" });
  expect(of(used)).toBe("known false");
  expect(of(used, "lab9", OTHER)).toBe(
    "code-used: this code was used by another one at 2026-05-01T12:00:00.005000+00:00",
  );
  expect(of(used, "lab8")).toStartWith("code-used: ");
});

test("a code is good for its time, whatever the clock does", () => {
  const late = "code-unknown: this code is none that is valid: it was never made, or its time is over";
  expect(of(null)).toBe(late);
  expect(of(code(), "lab9", MINE, AT + HOUR - 1)).toBe("enrol false");
  expect(of(code(), "lab9", MINE, AT + HOUR)).toBe(late);
  expect(of(usedBy(code(), asked("lab9"), AT), "lab9", MINE, AT + HOUR)).toBe(late);
  // Made while the clock was ahead.
  expect([isOver(code(), AT - 300_000), isOver(code(), AT - 300_001)]).toEqual([false, true]);
});

describe("a name", () => {
  test("is the code's, where that names one", () => {
    expect(of(code({ host: "lab9" }))).toBe("enrol false");
    expect(of(code({ host: "lab9" }), "lab8")).toBe("wrong-host: this code is another host's");
    expect(of(code({ host: "lab9" }), "LAB9")).toStartWith("wrong-host: ");
  });

  test("of a host that there is needs a code that says so, and is its very name", () => {
    expect(of(code(), "lab1")).toBe("host-exists: lab1 is a host already");
    expect(of(code(), "LAB1")).toBe("host-exists: LAB1 is a host already");
    expect(of(code({ host: "lab1" }), "lab1")).toStartWith("host-exists: ");
    expect(of(code({ host: "lab1", replaces: true }), "lab1")).toBe("enrol true");
    expect(of(code({ host: "lab2", replaces: true }), "lab2")).toStartWith("host-exists: ");
    expect(of(code({ host: "Lab2", replaces: true }), "Lab2")).toBe("enrol true");
  });

  test("is never the operator's, nor the collector's", () => {
    for (const name of ["operator", "Operator", "hub", "HUB", "collector.wg", "collector"])
      expect(of(code({ host: name, replaces: true }), name)).toBe(`reserved-name: ${name} is no lab host's name here`);
  });
});

test("a code is read as it was written, and nothing else is one", () => {
  const used = usedBy(code({ host: "lab9", replaces: true }), asked("lab9"), AT);
  expect(parseCode(formatCode(used))).toEqual(used);
  for (const text of [
    "",
    "{}",
    "[]",
    formatCode(code()).replace("2026", "x"),
    formatCode(code()).replace('"replaces":false', '"replaces":0'),
  ])
    expect(parseCode(text)).toBeNull();
});

test("a code whose time is over goes, but for one that two machines have: that a day after", () => {
  const again = { at: new Date(AT + HOUR / 2).toISOString(), remote: "10.0.0.9:4" };
  const past = (more: Partial<Code>, ms: number): boolean => isPast(code(more), AT + ms);
  expect([past({}, HOUR - 1), past({}, HOUR)]).toEqual([false, true]);
  expect([past({ again }, HOUR), past({ again }, 24.4 * HOUR), past({ again }, 24.6 * HOUR)]).toEqual([
    ...[false, false, true],
  ]);
  expect(past({ again }, -25 * HOUR)).toBe(true);
});
