import { expect, test } from "bun:test";
import { appendFileSync, truncateSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { LINE_BYTES, type Line, linesBackwards, linesForwards, restOf } from "../../../lib/fleet-health/index/lines.ts";
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
  expect(forwards.map(({ text }) => text?.length)).toEqual(lengths);
  expect(forwards.every(({ text }, i) => text === lines[i])).toBe(true);
  expect(backwards.toReversed().every((line, i) => Bun.deepEquals(line, forwards[i]))).toBe(true);
  expect(backwards).toHaveLength(lengths.length);
});

test.each([
  ["just not too long", LINE_BYTES - 1, 1],
  ["too long by a byte", LINE_BYTES, null],
  ["too long, and ends with a chunk", 7 * MIB - 3, null],
  ["too long by far", 11 * MIB + 5, null],
])("a line that is %s, alone, first, last, and among others", async (_, length, isText) => {
  const long = `${"x".repeat(length)}\n`;
  const early = "a".repeat(MIB - 6);
  for (const text of [long, `${long}a\nb`, `a\n${long}`, `${early}\n${long}${long}b\n`, `\n${long}\n${long.trim()}`]) {
    const lines = text.split("\n").slice(0, -1);
    const [forwards, backwards] = await both(text);
    expect(forwards.map(({ bytes }) => bytes)).toEqual(lines.map((line) => line.length + 1));
    expect(forwards.map(({ end }) => text[end - 1])).toEqual(lines.map(() => "\n"));
    const texts = lines.map((line) => (line.length === length && isText === null ? null : line));
    expect(forwards.every((line, i) => line.text === texts[i])).toBe(true);
    expect(backwards.toReversed().every((line, i) => Bun.deepEquals(line, forwards[i]))).toBe(true);
    expect(backwards).toHaveLength(lines.length);
  }
});

test("a quarter of a gigabyte without a line break is passed over in a buffer of a few megabytes", async () => {
  const path = join(tempDir(), "file");
  writeFileSync(path, "a\n");
  // No disk is needed for it.
  truncateSync(path, 256 * MIB);
  appendFileSync(path, "\nb\n\0");
  const size = 256 * MIB + 4;
  await using file = await open(path, "r");
  const held = new Set<number>();
  const read = file.read.bind(file) as (buffer: Buffer, ...rest: number[]) => ReturnType<typeof file.read>;
  const spied = Object.assign(Object.create(file), {
    read(buffer: Buffer, ...rest: number[]) {
      held.add(buffer.length);
      return read(buffer, ...rest);
    },
  });
  const found = [linesForwards(spied, 0, size), linesBackwards(spied, size)].map((lines) => Array.fromAsync(lines));
  const [forwards = [], backwards = []] = (await Promise.all(found)).map((lines) => lines.flat());
  expect(forwards).toEqual([
    { text: "a", bytes: 2, end: 2 },
    { text: null, bytes: 256 * MIB - 1, end: 256 * MIB + 1 },
    { text: "b", bytes: 2, end: 256 * MIB + 3 },
  ]);
  expect(backwards.toReversed()).toEqual(forwards);
  expect(Math.max(...held)).toBeLessThanOrEqual(LINE_BYTES + MIB);
});

test("what stands behind the last line break, unless it is longer than any row", async () => {
  const path = join(tempDir(), "file");
  writeFileSync(path, `a\n{"ö":1}${"x".repeat(LINE_BYTES)}`);
  await using file = await open(path, "r");
  expect([await restOf(file, 2, 2), await restOf(file, 2, 10)]).toEqual(["", '{"ö":1}']);
  expect((await restOf(file, 2, LINE_BYTES + 1))?.length).toBe(LINE_BYTES - 2);
  expect(await restOf(file, 2, LINE_BYTES + 2)).toBeNull();
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
  expect(odd.every(({ text }) => /^\0+(x{0,99})$/.test(text ?? ""))).toBe(true);
  expect(odd.length).toBeGreaterThan(0);
});
