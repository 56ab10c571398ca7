import { expect, test } from "bun:test";
import { formatIncident, parseIncident } from "../../lib/contract/incident-row.ts";

const LINE =
  '{"sequence":7,"at":"2026-05-01T06:45:00.000000+00:00","host":"*","hosts":["lab1","lab2"],"symptom":"fleet-silent",' +
  '"cause":"no heartbeat","change":"firing","told":true,"since":"2026-05-01T06:35:00.000000+00:00",' +
  '"fired_at":"2026-05-01T06:45:00.000000+00:00","what":"it has shipped nothing for 45min","fix":null}';

test("a row is read back as it was written", () => {
  const row = parseIncident(LINE);
  expect(row).toMatchObject({ sequence: 7, hosts: ["lab1", "lab2"], change: "firing", told: true, fix: null });
  expect(row === null ? "" : formatIncident(row)).toBe(LINE);
});

test.each([
  "",
  "{}",
  LINE.slice(0, -3),
  LINE.replace('"told":true', '"told":1'),
  LINE.replace('["lab1","lab2"]', "[1]"),
])("what is none is none: %p", (line) => {
  expect(parseIncident(line)).toBeNull();
});
