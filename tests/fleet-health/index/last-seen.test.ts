// When each host was last seen, read onward, whole or backwards: always the same hosts and times where they matter.

import { describe, expect, test } from "bun:test";
import { appendFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type IndexReading, type LastSeen, readIndex } from "../../../lib/fleet-health/index/last-seen.ts";
import { isoText } from "../../../lib/fleet-health/python/python-time.ts";
import { seededRandom } from "../../support/random.ts";
import { tempDir } from "../../support/temp-dir.ts";

const NOW = Date.UTC(2026, 4, 1, 12) * 1000;
const HOUR = 3_600_000_000;
const CUTOFF = NOW - 24 * HOUR;

const row = (host: string, micros: number, more: object = {}): string =>
  `${JSON.stringify({ host_id: host, episode_id: "e", received_at_wall: isoText(micros), ...more })}\n`;

function index(text: string): string {
  const path = join(tempDir(), "index.jsonl");
  writeFileSync(path, text);
  return path;
}

const cold = (path: string, limits?: { wholeBytes: number; oldBytes: number }): Promise<IndexReading> =>
  readIndex({ path, before: null, cutoffMicros: CUTOFF, nowMicros: NOW, ...(limits && { limits }) });
const again = (path: string, before: IndexReading): Promise<IndexReading> =>
  readIndex({ path, before, cutoffMicros: CUTOFF, nowMicros: NOW });
const times = (seen: LastSeen): Record<string, [string, string | null]> =>
  Object.fromEntries([...seen].map(([host, { any, own }]) => [host, [any.text, own?.text ?? null]]));

describe("the next run", () => {
  test("reads what was added, and a whole row that has no end yet, which it counts once it has", async () => {
    const path = index(row("lab1", NOW - HOUR));
    const first = await cold(path);
    appendFileSync(path, row("lab2", NOW - 2 * HOUR) + row("lab1", NOW).trimEnd());
    const second = await again(path, first);
    expect([second.how, second.rows, second.bad, times(second.seen)]).toEqual([
      "onward",
      1,
      0,
      { lab1: [isoText(NOW), isoText(NOW)], lab2: [isoText(NOW - 2 * HOUR), isoText(NOW - 2 * HOUR)] },
    ]);
    expect(second.checkpoint.offset).toBe(first.checkpoint.offset + row("lab2", NOW - 2 * HOUR).length);
    appendFileSync(path, "\n");
    const third = await again(path, second);
    expect([third.how, third.rows, third.bad, times(third.seen)]).toEqual(["onward", 1, 0, times(second.seen)]);
    const nothing = await again(path, third);
    expect([nothing.how, nothing.rows, times(nothing.seen)]).toEqual(["onward", 0, times(third.seen)]);
  });

  test("does not remember a last row that has no end: it may become another one", async () => {
    const path = index(row("lab1", NOW - HOUR));
    const first = await cold(path);
    appendFileSync(path, row("lab1", NOW).trimEnd());
    const second = await again(path, first);
    expect([times(second.seen).lab1?.[0], times(second.whole).lab1?.[0]]).toEqual([isoText(NOW), isoText(NOW - HOUR)]);
    appendFileSync(path, "x\n");
    const third = await again(path, { ...second, seen: second.whole });
    expect([third.bad, times(third.seen)]).toEqual([1, times(first.seen)]);
  });

  test("leaves a torn row to the next run, and counts it only if it stays torn", async () => {
    const path = index(row("lab1", NOW - HOUR));
    const first = await cold(path);
    const late = row("lab1", NOW);
    appendFileSync(path, late.slice(0, -2));
    const second = await again(path, first);
    expect([second.rows, second.bad, second.checkpoint.offset]).toEqual([0, 0, first.checkpoint.offset]);
    expect(times(second.seen)).toEqual(times(first.seen));
    appendFileSync(path, late.slice(-2));
    const third = await again(path, second);
    expect([third.rows, third.bad, times(third.seen).lab1?.[0]]).toEqual([1, 0, isoText(NOW)]);
    appendFileSync(path, '{"host_id"\n');
    expect(await again(path, third)).toMatchObject({ rows: 0, bad: 1 });
  });

  test("goes on behind a stretch that is longer than any row", async () => {
    const path = index(row("lab1", NOW - HOUR));
    const first = await cold(path);
    truncateSync(path, first.checkpoint.offset + 9 * 1024 ** 2);
    const second = await again(path, first);
    expect([second.how, second.rows, second.bad, second.checkpoint]).toEqual(["onward", 0, 0, first.checkpoint]);
    appendFileSync(path, `\n${row("lab1", NOW)}`);
    const third = await again(path, second);
    expect([third.how, third.rows, third.bad, times(third.seen).lab1?.[0]]).toEqual(["onward", 1, 1, isoText(NOW)]);
    expect((await again(path, third)).rows).toBe(0);
    const back = await cold(path, { wholeBytes: 0, oldBytes: 1_000_000 });
    expect([times(back.seen), back.rows, back.bad, back.checkpoint]).toEqual([
      times(third.seen),
      2,
      1,
      third.checkpoint,
    ]);
  });

  test.each([
    ["was cut", (path: string) => truncateSync(path, 10)],
    [
      "is another file",
      (path: string) => {
        writeFileSync(`${path}.new`, row("lab1", NOW - HOUR) + row("lab3", NOW));
        renameSync(`${path}.new`, path);
      },
    ],
    ["was written anew in place", (path: string) => writeFileSync(path, row("lab9", NOW - HOUR) + row("lab3", NOW))],
    [
      "had a row changed just before where it stopped",
      (path: string) => writeFileSync(path, row("lab1", NOW - 2 * HOUR) + row("lab3", NOW)),
    ],
  ])("reads all of an index that %s", async (_, change) => {
    const path = index(row("lab1", NOW - HOUR));
    const first = await cold(path);
    change(path);
    const second = await again(path, first);
    expect([second.how, times(second.seen)]).toEqual(["whole", times((await cold(path)).seen)]);
  });
});

test("an index of which only the beginning was changed is read anew, and one that is the same is not", async () => {
  const rest = Array.from({ length: 200 }, (_, i) => row("lab1", NOW - 9 * HOUR + i)).join("");
  const path = index(row("lab2", NOW - 2 * HOUR) + rest);
  const first = await cold(path);
  expect((await again(path, first)).how).toBe("onward");
  writeFileSync(path, row("lab3", NOW - 2 * HOUR) + rest);
  const second = await again(path, first);
  expect([second.how, [...second.seen.keys()]]).toEqual(["whole", ["lab3", "lab1"]]);
});

describe("of two rows", () => {
  test("of one instant the words of the one that stands first stay, whichever way they are read", async () => {
    const path = index(
      `{"host_id":"lab1","received_at_wall":"2026-05-01T11:00:00Z"}\n{"host_id":"lab1","received_at_wall":"2026-05-01T13:00:00+02:00"}\n`,
    );
    const back = await cold(path, { wholeBytes: 0, oldBytes: 1000 });
    for (const { seen } of [await cold(path), back]) expect(times(seen).lab1?.[0]).toBe("2026-05-01T11:00:00Z");
  });

  test("one that was put there again is a sign of life to the Python fleet's check alone", async () => {
    const path = index(row("lab1", NOW - 3 * HOUR) + row("lab1", NOW, { recovered: true }));
    expect(times((await cold(path)).seen)).toEqual({ lab1: [isoText(NOW), isoText(NOW - 3 * HOUR)] });
  });
});

describe("a first run over a large index", () => {
  const OLD = Array.from({ length: 400 }, (_, i) => row("old", NOW - (200 - i / 10) * HOUR)).join("");
  const limits = { wholeBytes: 100, oldBytes: 2000 };

  test("stops where rows have been too old for long enough", async () => {
    const path = index(OLD + row("lab1", NOW - 20 * HOUR) + row("lab2", NOW));
    const { how, rows, seen } = await cold(path, limits);
    expect([how, rows < 40, [...seen.keys()]]).toEqual(["back", true, ["old", "lab1", "lab2"]]);
  });

  test.each([
    ["put there again", (i: number) => row("old", NOW - 200 * HOUR - i, { recovered: true })],
    ["of the future", (i: number) => row("old", NOW + 200 * HOUR + i)],
    ["no rows", () => "{torn\n"],
  ])("does not stop at lines that are %s", async (_, line) => {
    const odd = Array.from({ length: 400 }, (_, i) => line(i)).join("");
    const path = index(OLD + row("lab1", NOW - 20 * HOUR) + odd);
    const { seen } = await cold(path, limits);
    expect(times(seen).lab1?.[0]).toBe(isoText(NOW - 20 * HOUR));
  });

  test("finds what stands behind rows that are too old, but not for long enough", async () => {
    const few = Array.from({ length: 10 }, (_, i) => row("old", NOW - 40 * HOUR + i)).join("");
    const path = index(OLD + row("lab1", NOW - 20 * HOUR) + few);
    expect((await cold(path, limits)).seen.has("lab1")).toBe(true);
  });
});

test("a first run reads an hour further than matters: rows stand in the order in which they were written", async () => {
  const older = Array.from({ length: 400 }, (_, i) => row("old", CUTOFF - HOUR / 2 + i)).join("");
  const far = Array.from({ length: 400 }, (_, i) => row("far", CUTOFF - 2 * HOUR + i)).join("");
  const limits = { wholeBytes: 100, oldBytes: 2000 };
  const found = async (between: string) =>
    (await cold(index(row("lab1", CUTOFF + HOUR / 2) + between + row("lab2", NOW)), limits)).seen.has("lab1");
  expect([await found(older), await found(far)]).toEqual([true, false]);
});

test("a host that another index lacks is lost where its row should have been met, to the microsecond", async () => {
  const old = Array.from({ length: 400 }, (_, i) => row("old", CUTOFF - 9 * HOUR + i)).join("");
  const before = await cold(index(row("lab8", CUTOFF - 1) + row("lab9", CUTOFF)));
  const limits = { wholeBytes: 100, oldBytes: 2000 };
  const path = index(old + row("lab1", NOW));
  const { how, lost } = await readIndex({ path, before, cutoffMicros: CUTOFF, nowMicros: NOW, limits });
  expect([how, lost]).toEqual(["back", ["lab9"]]);
});

test("two hundred histories: onward in pieces, and backwards, find what a reading of the whole finds", async () => {
  const { next } = seededRandom(5);
  const upTo = (most: number): number => Math.floor(next() * most);
  for (let n = 0; n < 200; n++) {
    const lines = Array.from({ length: upTo(60) }, (_, i) => {
      const at = NOW - 40 * HOUR + i * HOUR + upTo(3) * 20 * HOUR - upTo(2) * 10 * HOUR;
      const more = next() < 0.2 ? { recovered: true } : {};
      return next() < 0.1 ? "odd\n" : row(`lab${upTo(5)}`, at, { ...more, pad: "x".repeat(upTo(300)) });
    });
    const path = index("");
    let run = await cold(path);
    let end = "";
    for (let at = 0; at < lines.length; ) {
      const count = 1 + upTo(9);
      const more = end + lines.slice(at, at + count).join("");
      // The last line may still be without its end.
      end = more.slice(more.length - upTo(2));
      appendFileSync(path, more.slice(0, more.length - end.length));
      at += count;
      run = await again(path, run);
    }
    const whole = await cold(path);
    expect(times(run.seen)).toEqual(times(whole.seen));
    // So many old rows that none is ever enough: then it has read all.
    const back = await cold(path, { wholeBytes: 0, oldBytes: 1_000_000 });
    expect([times(back.seen), back.rows, back.bad]).toEqual([times(whole.seen), whole.rows, whole.bad]);
    expect(back.checkpoint).toEqual(whole.checkpoint);
  }
});

test("a row of a time that has yet to come gives way to those behind it, however the index is read", async () => {
  const ahead = row("lab1", NOW + HOUR / 2);
  const path = index(ahead + row("lab1", NOW - HOUR) + row("lab1", NOW - 2 * HOUR) + row("lab2", NOW + HOUR / 2));
  const expected: Record<string, [string, string | null]> = {
    lab1: [isoText(NOW + HOUR / 2), isoText(NOW - HOUR)],
    lab2: [isoText(NOW + HOUR / 2), isoText(NOW + HOUR / 2)],
  };
  expect(times((await cold(path)).seen)).toEqual(expected);
  expect(times((await cold(path, { wholeBytes: 0, oldBytes: 1_000_000 })).seen)).toEqual(expected);
  const first = index(ahead);
  const before = await cold(first);
  appendFileSync(first, row("lab1", NOW - HOUR));
  expect(times((await again(first, before)).seen)).toEqual({ lab1: expected.lab1 ?? ["", null] });
});
