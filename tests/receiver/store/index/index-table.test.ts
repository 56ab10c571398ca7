// The table over the index: what it finds at any size, and how little of it moves when it grows.

import { describe, expect, test } from "bun:test";
import { IndexTable, SEGMENT_SLOTS } from "../../../../lib/receiver/store/index/index-table.ts";

const address = (i: number) => ({ host: `lab${i % 50}`, id: `ep-${i}` });

function tableOf(rows: number): IndexTable {
  const table = new IndexTable(12345);
  for (let i = 0; i < rows; i++) table.insert(address(i), i * 300);
  return table;
}

describe("growing", () => {
  test("no insert moves more rows than a segment has, and all of them together few", () => {
    const table = new IndexTable(7);
    let most = 0;
    let growths = 0;
    for (let i = 0; i < 500_000; i++) {
      const before = table.moved;
      table.insert(address(i), i);
      most = Math.max(most, table.moved - before);
      if (table.moved > before) growths++;
    }
    expect(most).toBeLessThanOrEqual(12_288);
    expect(most).toBeGreaterThan(8192);
    // Each row was moved when its segment split, and a segment splits when its rows have doubled.
    expect(table.moved).toBeLessThan(2 * 500_000);
    expect(growths).toBeGreaterThan(30);
  });

  test("finds each row before, while and after it grows, and no other", () => {
    const table = new IndexTable(99);
    const wrong: number[] = [];
    for (let i = 0; i < 60_000; i++) {
      table.insert(address(i), i * 300);
      const [old] = [Math.floor(i / 3)];
      for (const j of [i, old]) if (table.candidates(address(j)).join() !== String(j * 300)) wrong.push(j);
      if (table.candidates({ host: "lab1", id: `no-${i}` }).length > 0) wrong.push(-i);
    }
    expect(wrong).toEqual([]);
    expect(table.size).toBe(60_000);
  });

  test("takes 16 bytes a slot, and at least 3 of 8 slots are taken once there is more than one segment", () => {
    for (const rows of [20_000, 100_000, 196_608, 197_000, 300_000]) {
      const { capacity } = tableOf(rows);
      expect(rows / capacity).toBeGreaterThan(0.36);
      expect(rows / capacity).toBeLessThanOrEqual(0.75);
    }
  });

  test("of rows of one name, however many, the last one holds, and others are found among them", () => {
    const table = new IndexTable(5);
    for (let i = 0; i < 13_000; i++) table.insert(address(1), i);
    for (let i = 2; i < 500; i++) table.insert(address(i), i);
    expect([table.candidates(address(1))[0], table.candidates(address(2))]).toEqual([12_999, [2]]);
    expect(table.capacity).toBeLessThanOrEqual(4 * SEGMENT_SLOTS);
  });
});

test("names in bytes and names as text are the same names", () => {
  const [byText, byBytes] = [new IndexTable(3), new IndexTable(3)];
  for (let i = 0; i < 30_000; i++) {
    const { host, id } = address(i);
    const bytes = Buffer.from(`x${host}--${id}y`);
    const hostEnd = 1 + host.length;
    byText.insert({ host, id }, i);
    byBytes.insertBytes(bytes, { hostAt: 1, hostEnd, idAt: hostEnd + 2, idEnd: bytes.length - 1 }, i);
  }
  for (let i = 0; i < 30_000; i += 7) expect(byBytes.candidates(address(i))).toEqual(byText.candidates(address(i)));
  expect([byBytes.size, byBytes.candidates({ host: "lab1", id: "no" })]).toEqual([30_000, []]);
});

describe("a pass over all files", () => {
  test("tells which rows nobody marked, in every segment", async () => {
    const table = tableOf(50_000);
    table.beginPass();
    for (let i = 0; i < 50_000; i++) if (i % 1000 !== 7) expect(table.mark(address(i))).toBe(true);
    expect(table.mark({ host: "lab1", id: "no" })).toBe(false);
    const { offsets, count } = await table.unmarked(3);
    expect([count, offsets.length]).toEqual([50, 3]);
    expect(offsets.every((offset) => (offset / 300) % 1000 === 7)).toBe(true);
    expect((await table.unmarked(100)).offsets.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, n) => (n * 1000 + 7) * 300),
    );
  });

  test("while the table grows: marks move with their rows, what is added meanwhile has its file, and all are found as ever", async () => {
    const table = tableOf(1000);
    table.beginPass();
    for (let i = 0; i < 1000; i++) if (i !== 5 && i !== 6) table.mark(address(i));
    for (let i = 1000; i < 40_000; i++) table.insert(address(i), i * 300);
    // A correction is no new file: marked or not, it stays so.
    table.replace(address(6), 90_000_000);
    table.replace(address(9), 90_000_300);
    expect(await table.unmarked(9)).toEqual({ offsets: [1500, 90_000_000], count: 2 });
    for (const i of [0, 5, 999, 1000, 39_999]) expect(table.candidates(address(i))).toEqual([i * 300]);
    expect([table.candidates(address(6)), table.candidates(address(9))]).toEqual([[90_000_000], [90_000_300]]);
    // What is added later is no matter of the pass.
    table.insert(address(40_000), 1);
    expect(table.candidates(address(40_000))).toEqual([1]);
  });
});

test("what is missing among a million rows is looked for in pieces, and what is added meanwhile is no part of it", async () => {
  const table = tableOf(1_000_000);
  table.beginPass();
  for (let i = 0; i < 1_000_000; i++) if (i !== 999_999) table.mark(address(i));
  // Marked a second time: nothing changes.
  for (let i = 0; i < 1000; i++) table.mark(address(i));
  let turns = 0;
  const turn = (): void => {
    table.insert(address(2_000_000 + turns++), 900_000_000 + turns);
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  const found = await table.unmarked(3);
  clearImmediate(next);
  expect(found).toEqual({ offsets: [999_999 * 300], count: 1 });
  expect(turns).toBeGreaterThanOrEqual(1);
});

describe("a row that takes another's place", () => {
  test("is found there, is not counted, and leaves older rows of that name alone", () => {
    const table = tableOf(40_000);
    table.insert(address(5), 7_000_000);
    table.replace(address(5), 9_000_000);
    table.replace(address(6), 8_000_000);
    expect([table.candidates(address(5)), table.candidates(address(6))]).toEqual([[9_000_000, 1500], [8_000_000]]);
    expect(table.size).toBe(40_001);
    table.replace({ host: "new", id: "one" }, 1);
    expect([table.candidates({ host: "new", id: "one" }), table.size]).toEqual([[1], 40_002]);
  });
});
