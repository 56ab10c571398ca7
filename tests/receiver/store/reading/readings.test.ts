// What was read is known as long as the file is the very same, and for a while; and which archive is read next.

import { expect, test } from "bun:test";
import { ReadingTurns } from "../../../../lib/receiver/store/reading/reading-turns.ts";
import { fileKey, Readings } from "../../../../lib/receiver/store/reading/readings.ts";

const FACTS = { dev: 1n, ino: 2n, size: 3n, mtimeNs: 4n, ctimeNs: 5n } as Parameters<typeof fileKey>[0];
const KEY = "1 2 3 4 5";
const HOUR_MS = 3_600_000;

test("a file is told by five facts", () => {
  expect(fileKey(FACTS)).toBe(KEY);
});

test("a digest is known for a day, a failure for two hours, and neither of another file", () => {
  const readings = new Readings();
  const error = new Error("EIO");
  readings.add("a", KEY, { sha256: "x" }, 1000);
  readings.add("b", KEY, { error }, 1000);
  expect(readings.of("a", KEY, 1000 + 24 * HOUR_MS - 1)).toEqual({ sha256: "x" });
  expect(readings.of("a", KEY, 1000 + 24 * HOUR_MS)).toBeNull();
  expect(readings.of("b", KEY, 1000 + 2 * HOUR_MS - 1)).toEqual({ error });
  expect(readings.of("b", KEY, 1000 + 2 * HOUR_MS)).toBeNull();
  expect(readings.of("a", "1 2 3 4 6", 1000)).toBeNull();
  expect(readings.of("c", KEY, 1000)).toBeNull();
});

test("of too many the one that was read longest ago is forgotten", () => {
  const readings = new Readings(2);
  for (const path of ["a", "b", "a", "c"]) readings.add(path, KEY, { sha256: path }, 0);
  expect(["a", "b", "c"].map((path) => readings.of(path, KEY, 0))).toEqual([{ sha256: "a" }, null, { sha256: "c" }]);
});

const [SMALL, LARGE] = [64 * 1024 * 1024, 64 * 1024 * 1024 + 1];

/** Readings that end when they are told to; `begun` has their names. */
function scripted() {
  const turns = new ReadingTurns();
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const add = (name: string, bytes: number): boolean =>
    turns.add(bytes, () => {
      begun.push(name);
      const { promise, resolve } = Promise.withResolvers<void>();
      ends.set(name, resolve);
      return promise;
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await Bun.sleep(0);
  };
  return { add, end, begun };
}

test("two at a time, in the order in which they came", async () => {
  const { add, end, begun } = scripted();
  for (const name of ["a", "b", "c", "d"]) add(name, SMALL);
  expect(begun).toEqual(["a", "b"]);
  await end("b");
  expect(begun).toEqual(["a", "b", "c"]);
  await end("a");
  expect(begun).toEqual(["a", "b", "c", "d"]);
});

test("of large ones one, so that small ones pass by; and a large one waits for one small one at most", async () => {
  const { add, end, begun } = scripted();
  for (const name of ["L1", "L2"]) add(name, LARGE);
  for (const name of ["a", "b", "c"]) add(name, SMALL);
  expect(begun).toEqual(["L1", "a"]);
  await end("a");
  expect(begun).toEqual(["L1", "a", "b"]);
  await end("L1");
  expect(begun).toEqual(["L1", "a", "b", "L2"]);
  await end("b");
  expect(begun).toEqual(["L1", "a", "b", "L2", "c"]);
});

test("a thousand wait, and no more", () => {
  const { add, begun } = scripted();
  const taken = Array.from({ length: 1003 }, (_, i) => add(String(i), SMALL));
  expect([begun.length, taken.filter(Boolean).length, taken.at(-1)]).toEqual([2, 1002, false]);
});
