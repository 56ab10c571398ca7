// Instants as Python reads and writes them, beside Python.

import { expect, test } from "bun:test";
import { isoText, parseIso, wholeText } from "../../../lib/fleet-health/python/python-time.ts";
import { seededRandom } from "../../support/random.ts";
import { askPython } from "../../support/reference-health.ts";

test.each([
  ["2026-05-01T06:37:53.830599+00:00", 1_777_617_473_830_599],
  ["2026-05-01T06:37:53Z", 1_777_617_473_000_000],
  ["2026-05-01 08:37:53.5+02:00", 1_777_617_473_500_000],
  ["20260501T063753Z", 1_777_617_473_000_000],
  ["2026-W18-5T06:37:53+00:00", 1_777_617_473_000_000],
  ["1969-12-31T23:59:59.999999+00:00", -1],
  ["2026-02-29T00:00:00+00:00", null],
  ["2026-05-01T24:00:00+00:00", null],
  ["yesterday", null],
  ["2026-05-01T06:37:53+00:00:00.000001", 1_777_617_473_000_000],
  ["2026-05-01T06:37:53-00:00:00.999999", 1_777_617_473_000_000],
  ["2026-05-01T06:37:53+00:00:01.000001", 1_777_617_471_999_999],
  ["2026-05-01\u{1f600}06:37:53+00:00", 1_777_617_473_000_000],
  ["2026-05-01T06:37:53\0", 1_777_617_473_000_000],
  ["2026-05-01T06:37:53.000000\0x", 1_777_617_473_000_000],
  ["2026-05-01T06:37:53Z\0x", 1_777_617_473_000_000],
  ["2026-05-01T06:37:53+00:00\0x", null],
])("%p is %p", (text, micros) => {
  expect(parseIso(text)).toBe(micros);
});

test("an instant is written as Python writes it", () => {
  expect([1_777_617_473_830_599, 1_777_617_473_000_000, -1].map(isoText)).toEqual([
    "2026-05-01T06:37:53.830599+00:00",
    "2026-05-01T06:37:53+00:00",
    "1969-12-31T23:59:59.999999+00:00",
  ]);
});

test("of two whole numbers that are equally near the even one is shown", () => {
  expect([0.5, 1.5, 2.5, 2.500001, 30.5, 31.49, -0.2, -0.5, -1.5, -2.5].map(wholeText)).toEqual([
    "0",
    "2",
    "2",
    "3",
    "30",
    "31",
    "-0",
    "-0",
    "-2",
    "-2",
  ]);
});

/** Texts that are dates, nearly dates, or dates with one character changed. */
function texts(seed: number, count: number): string[] {
  const random = seededRandom(seed);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random.next() * all.length)] as T;
  const digits = (most: number, width: number): string =>
    String(Math.floor(random.next() * (most + 2))).padStart(width, "0");
  const date = (): string => {
    const year = pick(["2026", "2024", "1970", "1969", "0100", "9999", "2020", "2015"]);
    const sep = pick(["-", "-", "-", ""]);
    if (random.next() < 0.25) return `${year}${sep}W${digits(53, 2)}${pick(["", `${sep}${digits(7, 1)}`])}`;
    return `${year}${sep}${digits(12, 2)}${pick([sep, sep, sep, "-", ""])}${digits(31, 2)}`;
  };
  const clock = (): string => {
    const sep = pick([":", ":", ":", ""]);
    const fraction = pick(["", "", ".5", ".123456", ",25", ".1234567", ".", ".12x", ":5", ".123456\0x", "\0", "é"]);
    return pick([
      digits(23, 2),
      `${digits(23, 2)}${sep}${digits(59, 2)}`,
      `${digits(23, 2)}${sep}${digits(59, 2)}${sep}${digits(59, 2)}${fraction}`,
    ]);
  };
  const zone = (): string =>
    pick([
      "",
      "Z",
      "+00:00",
      "-00:00",
      "+02:00",
      "-0530",
      "+14",
      "+23:59:59.5",
      "+24:00",
      "z",
      "+",
      "+1",
      " +01:00",
      "Z0",
      "+00:00:00.000001",
      "-00:00:00.5",
      "-01:00:00.25",
      "+00:00\0",
      "+00:00:00.000001\0x",
      "Z\0x",
      "\0",
    ]);
  const whole = (): string =>
    pick([date(), `${date()}${pick(["T", " ", "t", "-", "5", "é", "\0", "\ud83d", "\u{1f600}"])}${clock()}${zone()}`]);
  const changed = (text: string): string => {
    const at = Math.floor(random.next() * text.length);
    return text.slice(0, at) + pick(["", "0", "W", "-", ":", "x", "Z", "²", "\0"]) + text.slice(at + 1);
  };
  return Array.from({ length: count }, () => (random.next() < 0.3 ? changed(whole()) : whole()));
}

test.each(["UTC", "Europe/Berlin"])(
  "twenty thousand texts are read as Python reads them, in %s",
  (zone) => {
    const all = texts(11, 20_000);
    const before = process.env.TZ;
    process.env.TZ = zone;
    try {
      const [theirs] = askPython([{ texts: all }], zone) as [(number | null)[]];
      const differ = all.flatMap((text, i) => {
        const ours = parseIso(text);
        return ours === theirs[i] ? [] : [{ text, ours, theirs: theirs[i] }];
      });
      expect(differ.slice(0, 20)).toEqual([]);
      expect(theirs.filter((one) => one !== null).length).toBeGreaterThan(2000);
    } finally {
      process.env.TZ = before ?? "";
      if (before === undefined) delete process.env.TZ;
    }
  },
  60_000,
);
