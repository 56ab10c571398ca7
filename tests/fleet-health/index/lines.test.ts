import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { type Line, linesBackwards, linesForwards } from "../../../lib/fleet-health/index/lines.ts";
import { tempDir } from "../../support/temp-dir.ts";

const MIB = 1024 ** 2;

async function both(text: string): Promise<[Line[], Line[]]> {
  const path = join(tempDir(), "file");
  writeFileSync(path, text);
  await using file = await open(path, "r");
  const size = Buffer.byteLength(text);
  const [forwards, backwards] = [linesForwards(file, 0, size), linesBackwards(file, size)];
  return [(await Array.fromAsync(forwards)).flat(), (await Array.fromAsync(backwards)).flat()];
}

test.each([
  ["", []],
  ["no end", []],
  ["\n", [["", 1, 1]]],
  [
    "a\n\nö\nrest",
    [
      ["a", 2, 2],
      ["", 1, 3],
      ["ö", 3, 6],
    ],
  ],
])("%p", async (text, lines) => {
  const [forwards, backwards] = await both(text);
  expect(forwards.map(({ text, bytes, end }) => [text, bytes, end])).toEqual(lines);
  expect(backwards.toReversed()).toEqual(forwards);
});

test.each([
  ["lines longer than a chunk", [3 * MIB, 10, MIB - 1, MIB, MIB + 1, 2 * MIB, 5], ""],
  ["lines that end with their chunk", [MIB - 1, MIB - 1, MIB - 1], ""],
  ["a last one without an end, longer than a chunk", [7, MIB, 7], "x".repeat(2 * MIB + 3)],
])("%s are whole in both directions", async (_, lengths, rest) => {
  const lines = lengths.map((length, i) => String.fromCharCode(97 + i).repeat(length));
  const [forwards, backwards] = await both(`${lines.join("\n")}\n${rest}`);
  expect(forwards.map(({ text }) => text.length)).toEqual(lengths);
  expect(forwards.every(({ text }, i) => text === lines[i])).toBe(true);
  expect(backwards.toReversed().every((line, i) => Bun.deepEquals(line, forwards[i]))).toBe(true);
  expect(backwards).toHaveLength(lengths.length);
});

test("backwards in a file that is cut meanwhile: what is gone is nobody's row", async () => {
  const path = join(tempDir(), "file");
  const line = `${"x".repeat(99)}\n`;
  const count = (3 * MIB) / line.length;
  writeFileSync(path, line.repeat(count));
  await using file = await open(path, "r+");
  const found: Line[] = [];
  for await (const lines of linesBackwards(file, Math.floor(count) * line.length)) {
    if (found.length === 0) await file.truncate(1000);
    found.push(...lines);
  }
  const rows = found.filter(({ text }) => text === line.trim());
  const odd = found.filter(({ text }) => text !== line.trim());
  // The first megabyte from behind, and ten lines from the front.
  expect(rows.length).toBe(Math.floor(MIB / line.length) + 10);
  expect(odd.every(({ text }) => /^\0+(x{0,99})$/.test(text))).toBe(true);
  expect(odd.length).toBeGreaterThan(0);
});
