// What a plugin says is brought into the form that the receiver takes: one odd value must not have a heartbeat refused.

import { describe, expect, test } from "bun:test";
import { ConfiguredList, tidy } from "../../../lib/heartbeat/collect/observations.ts";
import type { Observation } from "../../../lib/heartbeat/plugin.ts";

for (const [what, odd, kept] of [
  ["a time in words", { started_at: "May 1 2026" }, {}],
  ["a time without a zone", { started_at: "2026-05-01T06:00:00" }, {}],
  ["a time as the wire wants it", { started_at: "2026-05-01T06:00:00Z" }, { started_at: "2026-05-01T06:00:00Z" }],
  ["a life of 31 years", { ttl_s: 1e9 }, { ttl_s: 31_536_000 }],
  ["a negative life", { ttl_s: -1 }, {}],
  ["a run that is no number", { run: "7" }, {}],
] as const) {
  test(what, () => {
    const { observations } = tidy([{ status: "ok", message: "m", ...odd }]);
    const { status: _, message: __, ...rest } = observations[0] ?? { status: "ok", message: "" };
    expect(rest).toEqual(kept);
  });
}

describe("what does not fit is left out and its bytes are counted", () => {
  const one = (more: object): Observation | undefined =>
    tidy([{ status: "ok", message: "m", ...more }]).observations[0];
  const items = (count: number, label = "a") => Array.from({ length: count }, () => ({ label, value: 1 }));
  const ERROR = "x".repeat(9);

  test("what just fits is kept, and nothing is noted", () => {
    const said = { message: "m".repeat(2000), name: "n".repeat(128), long_text: "l".repeat(65_536) };
    const [perf_errors, label] = [Array.from({ length: 20 }, () => "e".repeat(256)), "p".repeat(256)];
    const found = one({ ...said, perf_errors, perfdata: items(2000, label) });
    expect(found).toMatchObject({ ...said, perf_errors });
    expect(found?.perfdata).toHaveLength(2000);
    expect(found?.perfdata?.every((item) => item.label === label)).toBe(true);
    expect(found).not.toHaveProperty("notes");
  });

  for (const [what, more, kept, bytes] of [
    ["a message", { message: "m".repeat(2001) }, { message: `${"m".repeat(1999)}…` }, 2],
    ["a name", { name: "n".repeat(138) }, { name: `${"n".repeat(127)}…` }, 11],
    ["a long text, in bytes and not characters", { long_text: "ä".repeat(65_546) }, {}, 22],
    ["items of performance data", { perfdata: items(2003) }, {}, " a=1 a=1 a=1".length],
    ["more of them than are looked at", { perfdata: items(20_010) }, {}, " a=1".length * 18_010],
    ["a label", { perfdata: items(1, "l".repeat(300)) }, {}, 45],
    ["a unit", { perfdata: [{ label: "a", value: 1, uom: "u".repeat(40) }] }, {}, 9],
    ["a text among the errors", { perf_errors: ["e".repeat(257)] }, { perf_errors: [`${"e".repeat(255)}…`] }, 2],
    [
      "errors, and how many is the last of them",
      { perf_errors: Array.from({ length: 21 }, () => ERROR) },
      { perf_errors: [...Array.from({ length: 19 }, () => ERROR), "... and 2 more"] },
      20,
    ],
    [
      "what the check's run has left out is added",
      { message: "m".repeat(2001), notes: { truncated_bytes: 40 } },
      {},
      42,
    ],
  ] as const) {
    test(what, () => {
      const found = one(more);
      expect(found).toMatchObject(kept as object);
      expect(found?.notes).toEqual({ truncated_bytes: bytes });
      // In its thread and once more outside: it counts once.
      expect(one(found ?? {})).toEqual(found as never);
    });
  }

  test("of a long text and of performance data what is kept is as much as may be", () => {
    expect(one({ long_text: "l".repeat(70_000) })?.long_text).toBe(`${"l".repeat(65_535)}…`);
    expect(one({ perfdata: items(20_010) })?.perfdata).toHaveLength(2000);
  });

  test("long texts and performance data beyond what a heartbeat could carry are left out, and small ones never", () => {
    const large = { status: "ok", message: "m", long_text: "l".repeat(65_536), perfdata: items(2000, "p".repeat(200)) };
    const small = { status: "ok", message: "m", long_text: "small", perfdata: items(1) };
    const { observations, problem } = tidy([...Array.from({ length: 40 }, () => large), small]);
    expect(problem).toBeNull();
    const withText = observations.filter(({ long_text }) => long_text !== undefined);
    const withItems = observations.filter(({ perfdata }) => perfdata?.length !== 0);
    expect([withText.length, withItems.length]).toEqual([33, 4]);
    const itemBytes = 2000 * ` ${"p".repeat(200)}=1`.length;
    expect([2, 3, 31, 32, 39].map((index) => observations[index]?.notes?.truncated_bytes)).toEqual([
      undefined,
      itemBytes,
      itemBytes,
      itemBytes + 65_536,
      itemBytes + 65_536,
    ]);
    expect(observations[40]).toMatchObject({ long_text: "small", perfdata: [{ label: "a", value: 1 }] });
  });
});

test("a list that is as long as the configuration says may be longer, but not without end", () => {
  const list = Array.from({ length: 4001 }, (): Observation => ({ status: "ok", message: "m" }));
  const said = (value: unknown): unknown[] => {
    const { observations, problem } = tidy(value);
    return [observations.length, problem];
  };
  expect(said(ConfiguredList.from(list.slice(1)))).toEqual([4000, null]);
  expect(said(ConfiguredList.from(list))).toEqual([
    4000,
    "it returned 4001 observations, and only the first 4000 count",
  ]);
  expect(said(list)).toEqual([500, "it returned 4001 observations, and only the first 500 count"]);
  // What comes out of a thread is a list like any other.
  expect(said(structuredClone(ConfiguredList.from(list)))[0]).toBe(500);
});
