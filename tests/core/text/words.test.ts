// Small pure things: units, clock texts, nearest, stop budget, templates, failures.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isoWall, utcDay } from "../../../lib/core/clock.ts";
import { errorCode, errorText, UserError } from "../../../lib/core/failure.ts";
import { stopBudget } from "../../../lib/core/stop-budget.ts";
import { nearest } from "../../../lib/core/text/nearest.ts";
import { formatBytes, formatSeconds, parseBytes, parseSeconds } from "../../../lib/core/text/quantity.ts";
import { fillTemplate } from "../../../lib/core/text/template.ts";

describe("a size", () => {
  for (const [text, bytes] of [
    ["0", 0],
    ["1024", 1024],
    ["512 B", 512],
    ["16 GiB", 17_179_869_184],
    ["64MiB", 67_108_864],
    ["500 KB", 500_000],
    ["500 kB", 500_000],
    ["2k", 2000],
    ["1.5 GiB", 1_610_612_736],
    ["1 TB", 1_000_000_000_000],
    ["  3 MB ", 3_000_000],
    ["0.1 B", 0],
  ] as const) {
    test(`of ${JSON.stringify(text)} is ${bytes} bytes`, () => expect(parseBytes(text)).toBe(bytes));
  }

  for (const text of [
    "",
    " ",
    "B",
    "-1",
    "1,5 GiB",
    "16 gib",
    "16 GiB/s",
    "1 PiB",
    "1e3",
    "0x10",
    "9999999 TB",
    "NaN",
    "1..5",
  ]) {
    test(`cannot be ${JSON.stringify(text)}`, () => expect(parseBytes(text)).toBeNull());
  }

  for (const [bytes, text] of [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [17_179_869_184, "16.0 GiB"],
    [2 ** 50, "1024.0 TiB"],
  ] as const) {
    test(`of ${bytes} bytes is written ${text}`, () => expect(formatBytes(bytes)).toBe(text));
  }

  test("that is written in words reads back within what one decimal leaves", () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 52 }), (bytes) => {
        const back = parseBytes(formatBytes(bytes)) ?? Number.NaN;
        expect(Math.abs(back - bytes)).toBeLessThanOrEqual(bytes * 0.051);
        if (bytes < 1024) expect(back).toBe(bytes);
      }),
    );
  });
});

describe("a duration", () => {
  for (const [seconds, text] of [
    [0, "0s"],
    [0.04, "0s"],
    [1.25, "1.3s"],
    [9.97, "10s"],
    [10, "10s"],
    [59.6, "1min"],
    [3600, "1h"],
    [93_784, "1d 2h 3min 4s"],
    [86_400, "1d"],
  ] as const) {
    test(`of ${seconds} s is written ${text}`, () => expect(formatSeconds(seconds)).toBe(text));
  }

  test("in words adds up to its seconds again", () => {
    const sizes: Readonly<Record<string, number>> = { d: 86_400, h: 3600, min: 60, s: 1 };
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 10 ** 9 }), (seconds) => {
        const parts = [...formatSeconds(seconds).matchAll(/(\d+)([a-z]+)/g)];
        const sum = parts.reduce(
          (total, [, count, unit = ""]) => total + Number(count) * (sizes[unit] ?? Number.NaN),
          0,
        );
        expect(sum).toBe(seconds);
      }),
    );
  });
});

describe("clock texts", () => {
  test("are the ones that Python's datetime writes", () => {
    expect(isoWall(Date.UTC(2026, 4, 1, 6, 37, 53, 830))).toBe("2026-05-01T06:37:53.830000+00:00");
    expect(isoWall(0)).toBe("1970-01-01T00:00:00.000000+00:00");
    expect(utcDay(Date.UTC(2026, 11, 31, 23, 59, 59, 999))).toBe("2026-12-31");
    expect(utcDay(Date.UTC(2027, 0, 1))).toBe("2027-01-01");
  });

  test("read back to the same millisecond", () => {
    fc.assert(fc.property(fc.nat({ max: 4_102_444_800_000 }), (ms) => expect(Date.parse(isoWall(ms))).toBe(ms)));
  });
});

describe("the nearest candidate", () => {
  const keys = ["scan_interval_s", "request_timeout_s", "transfers", "url"];
  for (const [typed, meant] of [
    ["scan_intervall_s", "scan_interval_s"],
    ["request_timeout", "request_timeout_s"],
    ["Transfers", "transfers"],
    ["ulr", "url"],
    ["uri", "url"],
  ] as const) {
    test(`to ${typed} is ${meant}`, () => expect(nearest(typed, keys)).toBe(meant));
  }

  test("is none when nothing is near, or nothing is there", () => {
    expect(nearest("bearer_token", keys)).toBeNull();
    expect(nearest("url", [])).toBeNull();
  });

  test("is the word itself when it is one, and the first of two that are equally near", () => {
    expect(nearest("url", ["urn", "url"])).toBe("url");
    expect(nearest("ab", ["abx", "aby"])).toBe("abx");
  });

  test("is never further away than a third of the word and two", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.array(fc.string({ maxLength: 12 })), (word, words) => {
        const found = nearest(word, words);
        if (found === null) return;
        expect(Math.abs(found.length - word.length)).toBeLessThanOrEqual(Math.max(2, Math.floor(word.length / 3)));
      }),
    );
  });
});

describe("the stop budget", () => {
  test("of the default drains is what the units say", () => {
    expect(stopBudget(30)).toEqual({ drainS: 30, totalS: 40, timeoutStopS: 70 });
    expect(stopBudget(60)).toEqual({ drainS: 60, totalS: 70, timeoutStopS: 100 });
  });

  test("always leaves systemd 30 s beyond the last moment of the process", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 3600, noNaN: true }), (drainS) => {
        const { totalS, timeoutStopS } = stopBudget(drainS);
        expect(totalS).toBeGreaterThanOrEqual(drainS + 10);
        expect(timeoutStopS - totalS).toBeCloseTo(30, 6);
      }),
    );
  });
});

describe("a template", () => {
  test("is filled wherever a place stands, and nowhere else", () => {
    expect(fillTemplate("@A@ @A@ a@b.c @B_2@ @a@", { A: "1", B_2: "$& $1" })).toBe("1 1 a@b.c $& $1 @a@");
  });

  test("with a place and no value is refused by name", () => {
    expect(() => fillTemplate("@A@", {})).toThrow("no value for @A@");
  });

  test("with a value and no place is refused by name", () => {
    expect(() => fillTemplate("x", { A: "1", B: "2" })).toThrow("no place for A, B");
  });

  test("does not fill places within values", () => {
    expect(fillTemplate("@A@@B@", { A: "@B@", B: "x" })).toBe("@B@x");
  });
});

describe("a failure", () => {
  test("of an operator is exit 2 unless it says otherwise", () => {
    expect(new UserError("x")).toMatchObject({ message: "x", hint: null, exitCode: 2 });
    expect(new UserError("x", "y", 3)).toMatchObject({ hint: "y", exitCode: 3 });
  });

  test("has a code and a text, whatever was thrown", () => {
    const thrown: unknown[] = [{ code: "ENOENT" }, { code: 5 }, null, undefined, "text", new Error("why")];
    expect(thrown.map(errorCode)).toEqual(["ENOENT", null, null, null, null, null]);
    expect(thrown.slice(3).map(errorText)).toEqual(["undefined", "text", "why"]);
  });
});

test("durations are read as they are written, and as people write them", () => {
  expect(["26h", "90min", "90m", "14d", "1h 30min", " 5 s ", "1.5h"].map(parseSeconds)).toEqual([
    93_600, 5400, 5400, 1_209_600, 5400, 5, 5400,
  ]);
  expect([93_784, 5400, 12].map((s) => parseSeconds(formatSeconds(s)))).toEqual([93_784, 5400, 12]);
  expect(["", "5", "h", "0h", "5 weeks", "2h soon", "-1h", "1e9h"].map(parseSeconds)).toEqual([
    null,
    null,
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
});
