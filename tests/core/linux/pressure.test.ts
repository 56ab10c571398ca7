import { expect, test } from "bun:test";
import { parsePressure } from "../../../lib/core/linux/pressure.ts";

test("both lines, as the kernel writes them", () => {
  expect(
    parsePressure(
      "some avg10=1.53 avg60=0.87 avg300=0.21 total=1234\nfull avg10=0.50 avg60=0.40 avg300=0.30 total=99\n",
    ),
  ).toEqual({ some: { avg10: 1.53, avg60: 0.87, avg300: 0.21 }, full: { avg10: 0.5, avg60: 0.4, avg300: 0.3 } });
});

test("older kernels write no full line for the CPU", () => {
  expect(parsePressure("some avg10=0.00 avg60=0.00 avg300=12.34 total=0\n")).toEqual({
    some: { avg10: 0, avg60: 0, avg300: 12.34 },
    full: null,
  });
});

test("another text is none", () => {
  expect(parsePressure("")).toBeNull();
  expect(parsePressure("full avg10=0.00 avg60=0.00 avg300=0.00 total=0")).toBeNull();
});
