// What is odd about a result is shown to whoever looks at the host itself, too: by `heartbeat once` and by `heartbeat status`.

import { expect, test } from "bun:test";
import type { CheckNotes, CheckResult, CheckStatus } from "../../lib/contract/observation.ts";
import type { Agent } from "../../lib/heartbeat/agent.ts";
import { renderResults } from "../../lib/heartbeat/once.ts";
import { collectedOf } from "../../lib/heartbeat/status-live.ts";

function result(name: string, status: CheckStatus, notes?: CheckNotes): CheckResult {
  const common = { plugin: "nagios_runner", message: "M", perfdata: [], started_at: "2026-05-01T06:00:00Z" };
  return { ...common, name, status, duration_ms: 1, ttl_s: 60, run: 1, ...(notes === undefined ? {} : { notes }) };
}

const RESULTS = [
  result("fine", "ok", { exit_code: 0 }),
  result("old", "ok", { refresh_failed: "timed out after 10 s" }),
  result("bad", "critical", { survivors_left: 2 }),
];

test("heartbeat once says it behind the message", () => {
  expect(renderResults(RESULTS).split("\n")).toEqual([
    "OK        fine  M",
    "OK        old   M [its newest run failed: timed out after 10 s]",
    "CRITICAL  bad   M [left 2 processes behind]",
  ]);
});

test("heartbeat status lists an ok that was not renewed, after those that are not ok", () => {
  const latest = { sent_at: "2026-05-01T06:00:00Z", uptime_s: 5, sequence: 1, results: RESULTS };
  expect(collectedOf({ latest } as Pick<Agent, "latest">)).toMatchObject({
    not_ok: 1,
    problems: [
      { name: "bad", status: "critical", message: "M [left 2 processes behind]" },
      { name: "old", status: "ok", message: "M [its newest run failed: timed out after 10 s]" },
    ],
  });
});
