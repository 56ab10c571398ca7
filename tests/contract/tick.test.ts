import { expect, test } from "bun:test";
import { formatTick, noTicks, parseTicks, placeOfTick, TICK_BYTES, TICKS, type Tick } from "../../lib/contract/tick.ts";

const TICK: Tick = {
  sequence: 12_345,
  wallMs: 1_777_617_473_830,
  boot: "0123456789ab",
  uptimeS: 93_784.5,
  isReady: true,
};
const LINE = "0000012345 2026-05-01T06:37:53.830Z 0123456789ab 000093784.50 r\n";

test("a tick is a line of one length, and read back as it was", () => {
  expect(formatTick(TICK)).toBe(LINE);
  expect(LINE.length).toBe(TICK_BYTES);
  expect(parseTicks(LINE)).toEqual([TICK]);
  expect(formatTick({ ...TICK, isReady: false, boot: "0123456789abcdef" })).toBe(LINE.replace("r\n", "-\n"));
});

test("they come in the order of their numbers, and what is none is passed over", () => {
  const second = formatTick({ ...TICK, sequence: 2 });
  expect(parseTicks(`${LINE}${second}${" ".repeat(63)}\n${LINE.slice(5)}`).map(({ sequence }) => sequence)).toEqual([
    2, 12_345,
  ]);
});

test("the ring has a place for two weeks of minutes, then begins anew", () => {
  expect(TICKS).toBe(20_160);
  expect([placeOfTick(0), placeOfTick(3), placeOfTick(TICKS + 3)]).toEqual([0, 192, 192]);
  expect([noTicks().length, parseTicks(noTicks()).length]).toEqual([TICKS * TICK_BYTES, 0]);
});
