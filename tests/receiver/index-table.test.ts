// The table over the index: what it finds at any size, and how little of it moves when it grows.

import { describe, expect, test } from "bun:test";
import { IndexTable, SEGMENT_SLOTS } from "../../lib/receiver/index-table.ts";

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

describe("a bit set over the slots", () => {
  test("tells which rows were not seen, in every segment", () => {
    const table = tableOf(50_000);
    const seen = new Uint8Array(Math.ceil(table.capacity / 8));
    const slots = new Set<number>();
    for (let i = 0; i < 50_000; i++) {
      if (i % 1000 === 7) continue;
      for (const slot of table.slots(address(i))) {
        slots.add(slot);
        seen[slot >> 3] = (seen[slot >> 3] ?? 0) | (1 << (slot & 7));
      }
    }
    expect(slots.size).toBe(50_000 - 50);
    expect(Math.max(...slots)).toBeLessThan(table.capacity);
    const { offsets, count } = table.unseen(seen, 3);
    expect([count, offsets.length]).toEqual([50, 3]);
    expect(offsets.every((offset) => (offset / 300) % 1000 === 7)).toBe(true);
  });
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
