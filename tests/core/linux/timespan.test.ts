// systemd's time spans against literals that systemd 252 gave, and parse(format(x)) = x over the whole 64-bit range.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatTimespan, INFINITY_USEC, parseTimespan, usecOfSeconds } from "../../../lib/core/linux/timespan.ts";

const HOUR = 3_600_000_000n;
const DAY = 24n * HOUR;
const YEAR = 31_557_600_000_000n;

describe("a time span", () => {
  for (const [texts, usec] of [
    [["0", "0s", "0y", "+0", ".0", "\v-0"], 0n],
    [["23us", "23µs", "23μs", "23usec", "23.9us"], 23n],
    [["500ms", "500msec", ".5", "0.5s", "0.5"], 500_000n],
    [["999ms", "999000us"], 999_000n],
    [[".7"], 700_000n],
    [[" .22s "], 220_000n],
    [["1 000s", "1", "1s", "1sec", "1second", "1seconds", "1000ms", "0.1s 0.9s"], 1_000_000n],
    [["2.5"], 2_500_000n],
    [["+3.1s", "3.1"], 3_100_000n],
    [["3.1s.2", "3.1 .2", "3.1 sec .2 sec"], 3_300_000n],
    [["3.1 sec 1.2 sec"], 4_300_000n],
    [["5s", "5", "5\t", "\r\n5"], 5_000_000n],
    [["5s500ms", " 5s 500ms  ", " 5.5s  "], 5_500_000n],
    [[" 5.5s 0.5ms "], 5_500_500n],
    [["12.34 .56", "12.34s.56"], 12_900_000n],
    [["55s500ms"], 55_500_000n],
    [["1m", "1min", "1minute", "1minutes"], 60_000_000n],
    [["1min 30s", "1min30s", "90", "90s", "90000ms", "90000000us", "1.5min", "30s 1min"], 90_000_000n],
    [["5 min 20"], 320_000_000n],
    [["1h", "1hr", "1hour", "1 hours"], HOUR],
    [["1.5h"], 5_400_000_000n],
    [["2h", "2 h", "2hours"], 2n * HOUR],
    [["48hr", "2d", "2day", "2days"], 48n * HOUR],
    [["1d 1h 1min 1s"], 90_061_000_000n],
    [["300ms20s 5day"], 432_020_300_000n],
    [["1w", "1week", "1weeks", "7d"], 7n * DAY],
    [["1w 2d"], 777_600_000_000n],
    [["3w 3w"], 3_628_800_000_000n],
    [["1M", "1month", "1months"], 2_629_800_000_000n],
    [["1month 4w 2d 10h 30min"], 5_259_600_000_000n],
    [[" .50y ", "6month"], 15_778_800_000_000n],
    [["1y", "1year", "1years", "12M"], YEAR],
    [["1y 12month"], 2n * YEAR],
    [["1y 2month 3w 4d 5h 6min 7s 8ms 9us"], 38_995_567_008_009n],
    [["9223372036854775807us"], 2n ** 63n - 1n],
    [
      ["9223372036854775807us 9223372036854775807us", "9223372036854775807us 9223372036854775806us .000001s"],
      2n ** 64n - 2n,
    ],
    [["infinity", " infinity "], INFINITY_USEC],
  ] as const) {
    for (const text of texts) {
      test(`${JSON.stringify(text)} is ${usec} us`, () => expect(parseTimespan(text)).toEqual({ usec }));
    }
  }

  // Each digit of a fraction is a tenth of the one before, rounded down: six places of a second count, no more.
  for (const [text, usec] of [
    ["1.99999999999999999999s", 1_999_999n],
    ["0.0000009s", 0n],
    ["0.999999999ms", 999n],
    ["1.23456789month", 3_246_666_637_122n],
    ["1.987654321y", 62_725_600_000_389n],
  ] as const) {
    test(`the fraction of ${text} is rounded down, digit by digit`, () =>
      expect(parseTimespan(text)).toEqual({ usec }));
  }

  test("takes the default unit for a bare number", () => {
    expect(parseTimespan("90", "us")).toEqual({ usec: 90n });
    expect(parseTimespan("1.5 2s", "min")).toEqual({ usec: 92_000_000n });
  });

  for (const text of [
    ...["", " ", "s", " xyz ", " . ", ".", " 5. ", ".s ", "0.-0s ", "3.-0s ", "3.+1s", "3. 1s", "3.s", "+", "+.5"],
    ...[" infinity .7", ".3 infinity", "infinity 1s", "infinitys", "INFINITY", "Infinity", "∞"],
    ...["12.34.56", "12..34", "..1234", "1234..", "1,5s", "1e3", "0x10", "1 s s", "1s\0", "١s"],
    ...["5 S", "5S", "5Min", "1H", "5sx", "5ns", "5fortnight", "5 seconds ago", "5mo", "5\u00a0s", "5D", "5Y"],
  ]) {
    test(`${JSON.stringify(text)} is none`, () => expect(parseTimespan(text)).toEqual({ error: "invalid" }));
  }

  for (const text of [
    ...["-5s ", "-0.3s ", "-0.0s ", "-0.-0s ", "1min-30s", "1s -", "584542y", "11111111111111y", "584542y."],
    ...["18446744073709551615us", "9223372036854775808us", "99999999999999999999999999999"],
    ...[
      "584541y 2.y",
      "\v-5",
      "9223372036854775807us 9223372036854775806us .000002s",
      "9223372036854775807us 9223372036854775807us 1us",
      "584542.0y",
      "584541.9y 2month",
    ],
  ]) {
    test(`${JSON.stringify(text)} is out of range`, () => expect(parseTimespan(text)).toEqual({ error: "range" }));
  }
});

describe("a printed time span", () => {
  for (const [set, shown] of [
    ["infinity", "infinity"],
    ["0", "0"],
    ["90", "1min 30s"],
    ["61", "1min 1s"],
    ["3600", "1h"],
    ["2h", "2h"],
    ["604800", "1w"],
    ["1w 2d", "1w 2d"],
    ["1y", "1y"],
    ["1month", "1month"],
    ["500ms", "500ms"],
    ["123us", "123us"],
    ["1500ms", "1.500000s"],
    ["5.5s", "5.500000s"],
    ["999999us", "999.999ms"],
    ["60000001us", "1min 1us"],
    ["1000001us", "1.000001s"],
    ["300ms20s5day", "5d 20.300000s"],
    ["1y 2month 3w 4d 5h 6min 7s 8ms 9us", "1y 2month 3w 4d 5h 6min 7.008009s"],
  ] as const) {
    test(`of ${set} is ${shown}`, () => {
      const span = parseTimespan(set);
      expect("usec" in span ? formatTimespan(span.usec) : span).toBe(shown);
    });
  }

  test("of more than 64 bits is infinity, of less than nothing 0", () => {
    expect([formatTimespan(2n ** 70n), formatTimespan(-1n)]).toEqual(["infinity", "0"]);
  });

  test("is read back unchanged, whatever it is", () => {
    // Every order of magnitude as often as any other, and the neighbours of whole units.
    const anyUsec = fc.oneof(
      fc.bigInt({ min: 0n, max: INFINITY_USEC }),
      fc
        .tuple(fc.integer({ min: 0, max: 64 }), fc.bigInt({ min: 0n, max: INFINITY_USEC }))
        .map(([bits, n]) => BigInt.asUintN(bits, n)),
      fc
        .tuple(
          fc.constantFrom(1000n, 1_000_000n, 60_000_000n, HOUR, DAY, YEAR),
          fc.bigInt(1n, 500_000n),
          fc.bigInt(-1n, 1n),
        )
        .map(([unit, count, off]) => unit * count + off),
      fc.constantFrom(0n, 1n, 584_542n * YEAR - 1n, INFINITY_USEC - 1n, INFINITY_USEC),
    );
    fc.assert(
      fc.property(anyUsec, (usec) => {
        // systemd prints the last two weeks before infinity and refuses to read them back, for any whole `584542y`.
        const readable = usec < 584_542n * YEAR || usec === INFINITY_USEC;
        expect(parseTimespan(formatTimespan(usec))).toEqual(readable ? { usec } : { error: "range" });
      }),
      { numRuns: 5000 },
    );
  });
});

test("no text makes the reader throw, and what it reads lies within 64 bits", () => {
  const piece = fc.constantFrom(
    "1",
    "20",
    ".",
    " ",
    "s",
    "min",
    "M",
    "-",
    "+",
    "infinity",
    "\v",
    "99999999999",
    "y",
    "é",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => pieces.join("")),
      ),
      (text) => {
        const span = parseTimespan(text);
        if ("usec" in span) expect(span.usec >= 0n && span.usec <= INFINITY_USEC).toBe(true);
        else expect(["invalid", "range"]).toContain(span.error);
      },
    ),
    { numRuns: 2000 },
  );
});

test("seconds become microseconds, rounded to the nearest: 0.1 + 0.2 is not more than 0.3", () => {
  const spans = [0, 70, 0.1 + 0.2, 6e-7, 3640, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e30].map(usecOfSeconds);
  expect(spans).toEqual([0n, 70_000_000n, 300_000n, 1n, 3_640_000_000n, 0n, 0n, INFINITY_USEC, INFINITY_USEC]);
});
