import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { appendAlerts } from "../../../lib/fleet-health/reference/alert-file.ts";
import type { HeldAlert } from "../../../lib/fleet-health/reference/alerts.ts";
import { tempDir } from "../../support/temp-dir.ts";

const AT = "2026-05-01T06:37:53.830599+00:00";
const alert = (host: string, detectedAt = AT): HeldAlert => ({
  host,
  symptom: "silent",
  detail: "×",
  suggestedFix: "look",
  detectedAt,
  heldBy: null,
});
const hostsIn = (path: string): string[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).host);

test("an alert is written once in an hour, and anew in the next one", async () => {
  const path = join(tempDir(), "new", "alerts.jsonl");
  expect(await appendAlerts(path, [], AT)).toEqual([]);
  expect(await appendAlerts(path, [alert("lab1")], AT)).toHaveLength(1);
  expect(await appendAlerts(path, [alert("lab1"), alert("lab2")], AT)).toEqual([alert("lab2")]);
  expect(await appendAlerts(path, [alert("lab1")], AT)).toEqual([]);
  const later = "2026-05-01T07:00:00+00:00";
  expect(await appendAlerts(path, [alert("lab1", later)], later)).toHaveLength(1);
  expect(hostsIn(path)).toEqual(["lab1", "lab2", "lab1"]);
  expect(readFileSync(path, "utf8").split("\n")[0]).toBe(
    '{"host": "lab1", "symptom": "silent", "detail": "\\u00d7", "suggested_fix": "look", "detected_at_wall": "2026-05-01T06:37:53.830599+00:00", "dedup_key": "03aa5ab00a48f764"}',
  );
});

test("a last row without an end counts, and the next one begins a line", async () => {
  const path = join(tempDir(), "alerts.jsonl");
  await appendAlerts(path, [alert("lab1")], AT);
  writeFileSync(path, readFileSync(path, "utf8").trimEnd());
  expect(await appendAlerts(path, [alert("lab1"), alert("lab2")], AT)).toEqual([alert("lab2")]);
  expect(hostsIn(path)).toEqual(["lab1", "lab2"]);
  appendFileSync(path, '{"host": "torn');
  expect(await appendAlerts(path, [alert("lab3")], AT)).toHaveLength(1);
  expect(readFileSync(path, "utf8").split("\n").at(-2)).toStartWith('{"host": "lab3"');
});
