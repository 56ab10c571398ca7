import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatIncident, type IncidentRow, parseIncident } from "../../../lib/contract/incident-row.ts";
import { appendHistory } from "../../../lib/fleet-health/state/history.ts";
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
