// Rows of attempts/: what is written is read back, and what others wrote is not taken for more than it is.

import { expect, test } from "bun:test";
import { type AttemptRow, formatAttempt, parseAttempt, type RefusalSum } from "../../lib/contract/attempt-row.ts";

const row: AttemptRow = {
  at: "2026-05-01T06:37:53.830000+00:00",
  host_id: "lab1",
  episode_id: "ep1",
  status: 412,
  reason: "commit-not-accepted",
  bytes: 5,
  code_commit: "abc",
  remote: "10.0.0.5:40112",
};
const sum: RefusalSum = {
  from: "2026-05-01T06:37:00.000000+00:00",
  to: "2026-05-01T06:37:59.000000+00:00",
  remote: "10.0.0.5",
  host_id: "lab1",
  what: "heartbeat",
  reason: "unauthorized",
  count: 9,
};

test("a row of an episode is what it was before there were others", () => {
  expect(formatAttempt(row)).toBe(
    '{"at":"2026-05-01T06:37:53.830000+00:00","host_id":"lab1","episode_id":"ep1","status":412,"reason":"commit-not-accepted","bytes":5,"code_commit":"abc","remote":"10.0.0.5:40112"}',
  );
});

test("what is written is read back", () => {
  expect(parseAttempt(formatAttempt(row))).toEqual({ kind: "attempt", row });
  const heartbeat: AttemptRow = { ...row, episode_id: null, what: "heartbeat" };
  expect(parseAttempt(formatAttempt(heartbeat))).toEqual({ kind: "attempt", row: heartbeat });
  expect(parseAttempt(formatAttempt(sum))).toEqual({ kind: "sum", sum });
  const ofNobody: RefusalSum = { ...sum, host_id: null, what: "connection" };
  expect(parseAttempt(formatAttempt(ofNobody))).toEqual({ kind: "sum", sum: ofNobody });
});

test.each([
  ["a torn line", formatAttempt(row).slice(0, 40)],
  ["no object", "7"],
  ["a sum that counts nothing", formatAttempt({ ...sum, count: 0 })],
  ["a sum of an unknown kind", formatAttempt({ ...sum, what: "page" as never })],
  ["an older release's row of nobody", JSON.stringify({ ...row, host_id: null })],
  [
    "an older release's row of one who had shown nothing",
    JSON.stringify({ ...row, status: 401, reason: "unauthorized" }),
  ],
])("%s is none", (_, line) => {
  expect(parseAttempt(line)).toBeNull();
});
