// Why an alert by the Python fleet's rule is not told by ours, by literals.

import { expect, test } from "bun:test";
import { unknownSummary } from "../../../lib/fleet/view.ts";
import { coverageOf } from "../../../lib/fleet-health/coverage/coverage.ts";
import type { Incident } from "../../../lib/fleet-health/incidents/incident.ts";
import type { Silence } from "../../../lib/fleet-health/incidents/silence.ts";
import type { Facts } from "../../../lib/fleet-health/judge/facts.ts";
import { type Judgement, whyHeld } from "../../../lib/fleet-health/judge/held.ts";
import { factsWith } from "../support.ts";

const NOW = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
const incident = (more: Partial<Incident>): Incident => ({
  ...{ host: "lab1", symptom: "silent", cause: "", what: "", fix: null, phase: "firing", pendingRuns: 2 },
  ...{ sinceMs: NOW, firedMs: NOW, isTold: false, heldBy: null, hasNoData: false, flappingMs: null, hosts: [] },
  ...more,
});

/** Of lab1, which shipped 40 minutes ago. */
function why(
  more: Partial<Facts> = {},
  incidents: readonly Incident[] = [],
  judgement: Partial<Judgement> = {},
  silences: readonly Silence[] = [],
  symptom = "silent",
): string | null {
  const limits = {
    ...{
      nowMs: NOW,
      coveredMs: (fromMs: number) => NOW - fromMs,
      coveredOfLastMs: (ms: number) => ms,
      silentAfterMs: () => 30 * MIN,
    },
    ...{ downAfterMs: 30 * MIN, failingAfterMs: 15 * MIN, fatalMinCount: 10 },
  };
  const facts = new Map([["lab1", factsWith({ shippedMs: NOW - 40 * MIN, ...more })]]);
  const coverage = coverageOf([], NOW);
  const all = { facts, gone: new Map(), lost: new Set<string>(), limits, coverage, ...judgement };
  return whyHeld({ host: "lab1", symptom }, incidents, silences, all);
}

test("what is told, or of what nothing is known, is not held", () => {
  expect([why(), why({}, [incident({ isTold: true })]), why({ shippedMs: null })]).toEqual([null, null, null]);
  const told = incident({ isTold: true });
  expect(why({}, [told, incident({ symptom: "paused", isTold: true })])).toBeNull();
});

test("what stands is held by what holds its incident", () => {
  expect(why({}, [incident({ phase: "pending" })])).toBe("pending");
  expect(why({}, [incident({ heldBy: "fleet-silent" })])).toBe("fleet-silent");
  expect(why({}, [incident({ phase: "pending" }), incident({ symptom: "paused", isTold: true })])).toBe("paused");
  expect(why({}, [incident({ symptom: "paused", phase: "pending" })])).toBeNull();
  const down = incident({ symptom: "host-down", phase: "pending" });
  expect([why({}, [down]), why({}, [down], {}, [], "fatal-only")]).toEqual(["pending", null]);
});

test("a host that is watched no more, or silenced, and a clock that was set", () => {
  expect(why({}, [], { gone: new Map([["lab1", "retired"]]) })).toBe("retired");
  const silence = { host: "lab1", symptom: null, fromMs: NOW, untilMs: NOW + 1, reason: "" };
  expect(why({}, [], {}, [silence])).toBe("silenced");
  expect(why({}, [], { lost: new Set(["lab1"]) })).toBe("clock-step");
});

test("a host that is not silent by ours: it has nothing, is sending, may be quiet for longer, or nothing could come", () => {
  const heartbeat = {
    ...unknownSummary("lab1"),
    ...{ age_s: 5, stale: false },
    queue: {
      ...{ pending: 0, outbox: 0, quarantined: 0, quarantined_bytes: 0, expiring: 0, announcement: null },
      ...{ unverified: 0, oldest_pending_s: null, paused: null, waiting: null, held: null },
    },
  };
  expect(why({ heartbeat })).toBe("nothing-to-ship");
  expect(why({ heartbeat }, [], {}, [], "fatal-only")).toBeNull();
  expect(why({ heartbeat: { ...heartbeat, stale: true } })).toBeNull();
  expect(why({ heartbeat }, [], { limits: limitsWith(NOW - 20 * MIN, 30) })).toBe("collector-gap");
  expect(why({ movedMs: NOW - MIN })).toBe("uploading");
  expect(why({}, [], { limits: limitsWith(NOW - 40 * MIN, 26 * 60) })).toBe("silent-after");
  expect(why({}, [], { limits: limitsWith(NOW - 20 * MIN, 30) })).toBe("collector-gap");
});

test("a clock that was set forward makes it seem longer ago: that is no gap", () => {
  const stepped = (ms: number) => ({ ...coverageOf([], NOW), steppedSince: () => ms });
  const limits = limitsWith(NOW - 20 * MIN, 30);
  expect(why({}, [], { limits, coverage: stepped(20 * MIN) })).toBe("clock-step");
  expect(why({}, [], { limits, coverage: stepped(18 * MIN + 1) })).toBe("clock-step");
  expect(why({}, [], { limits, coverage: stepped(18 * MIN) })).toBe("collector-gap");
});

/** Time counts from then on. */
function limitsWith(fromMs: number, minutes: number): Judgement["limits"] {
  return {
    ...{
      nowMs: NOW,
      coveredMs: (ms: number) => NOW - Math.max(ms, fromMs),
      coveredOfLastMs: (ms: number) => ms,
      silentAfterMs: () => minutes * MIN,
    },
    ...{ downAfterMs: 30 * MIN, failingAfterMs: 15 * MIN, fatalMinCount: 10 },
  };
}
