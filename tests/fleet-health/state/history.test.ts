import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatIncident, type IncidentRow, parseIncident } from "../../../lib/contract/incident-row.ts";
import { appendHistory, lastSequence, readHistory } from "../../../lib/fleet-health/state/history.ts";
import { tempDir } from "../../support/temp-dir.ts";

const row = (sequence: number): IncidentRow => ({
  ...{ sequence, at: "a", host: "lab1", hosts: [], symptom: "silent", cause: "queue", change: "firing" },
  ...{ told: true, since: "b", fired_at: null, what: "w", fix: null },
});
const numbers = (path: string): (number | undefined)[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => parseIncident(line)?.sequence);

test("rows are appended once, by their numbers, whatever a kill has left undone", async () => {
  const path = join(tempDir(), "incidents.jsonl");
  await appendHistory(path, []);
  await appendHistory(path, [row(1), row(2)]);
  await appendHistory(path, [row(1), row(2)]);
  await appendHistory(path, [row(2), row(3)]);
  expect(numbers(path)).toEqual([1, 2, 3]);
});

test("a line that a power cut has torn takes none along; one that only lacks its end is not written again", async () => {
  const path = join(tempDir(), "incidents.jsonl");
  await appendHistory(path, [row(1)]);
  appendFileSync(path, '{"sequence":2,"at"');
  await appendHistory(path, [row(2)]);
  expect(numbers(path)).toEqual([1, undefined, 2]);
  writeFileSync(path, formatIncident(row(1)));
  await appendHistory(path, [row(1), row(2)]);
  expect(numbers(path)).toEqual([1, 2]);
});

/** More than the blocks in which it is read. */
const padded = (from: number, to: number): IncidentRow[] =>
  Array.from({ length: to - from }, (_, i) => ({ ...row(from + i), what: "w".repeat(400) }));

test("the last number is found from the end, whatever stands behind it", async () => {
  const path = join(tempDir(), "incidents.jsonl");
  expect(await lastSequence(path)).toBe(0);
  writeFileSync(path, formatIncident(row(7)));
  expect(await lastSequence(path)).toBe(7);
  await appendHistory(path, padded(8, 5008));
  expect(await lastSequence(path)).toBe(5007);
  appendFileSync(path, '{"torn"');
  expect(await lastSequence(path)).toBe(5007);
  appendFileSync(path, `${"\0".repeat(2 * 1024 ** 2)}\n`);
  expect(await lastSequence(path)).toBe(5007);
  appendFileSync(path, formatIncident(row(9000)));
  expect(await lastSequence(path)).toBe(9000);
  writeFileSync(path, "none\n");
  expect(await lastSequence(path)).toBe(0);
});

test("all of it is read, however long; of one that is too long the end, and that is known", async () => {
  const path = join(tempDir(), "incidents.jsonl");
  const read = async (maxBytes?: number): Promise<[number[], boolean]> => {
    const found: number[] = [];
    const { isCut } = await readHistory(path, ({ sequence }) => found.push(sequence), maxBytes);
    return [found, isCut];
  };
  expect(await read()).toEqual([[], false]);
  await appendHistory(path, padded(1, 40_001));
  appendFileSync(path, formatIncident(row(40_001)));
  const [all, isCut] = await read();
  expect([all.length, all[0], all.at(-1), isCut]).toEqual([40_001, 1, 40_001, false]);
  const [end, isEndCut] = await read(10_000);
  expect([end.length < 20, end.at(-1), isEndCut]).toEqual([true, 40_001, true]);
});
