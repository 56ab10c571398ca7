// When a host last gave a sign of life, by literals.

import { expect, test } from "bun:test";
import type { KnownHost } from "../../../lib/contract/known-hosts.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { unknownSummary } from "../../../lib/fleet/view.ts";
import { factsOf, lastSign } from "../../../lib/fleet-health/judge/facts.ts";
import { NO_PAST, type Past } from "../../../lib/fleet-health/judge/past.ts";
import { hostsWith } from "../support.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;

function of(known: readonly KnownHost[], past: Readonly<Record<string, Past>> = {}) {
  return factsOf({
    ...{
      nowMs: NOON,
      lastRunMs: NOON - 5 * MIN,
      elapsedMs: 5 * MIN,
      isDoubtful: () => false,
      seen: new Map(),
      past: new Map(Object.entries(past)),
      attempts: [],
    },
    ...{ sinceMs: NOON - 30 * MIN, hosts: hostsWith([], { known: { at: "", store: null, hosts: known } }) },
  });
}
const moved = (ms: number): KnownHost => ({ host: "lab1", token_since: null, moved_at: isoWall(ms) });

test("bytes of the last five minutes are one, by whichever clock", () => {
  const at = (ms: number) => of([moved(ms)]).get("lab1")?.movedMs ?? null;
  expect([at(NOON - 5 * MIN), at(NOON - 5 * MIN - 1), at(NOON + 5 * MIN), at(NOON + 5 * MIN + 1)]).toEqual([
    NOON - 5 * MIN,
    null,
    NOON + 5 * MIN,
    null,
  ]);
});

test("an upload of which only an earlier run has read is one; of a host that nothing else tells of nothing is known", () => {
  const past = { lab2: { ...NO_PAST, takenMs: NOON - 9 * MIN }, lab3: NO_PAST };
  const facts = of([], past);
  expect([...facts.keys()]).toEqual(["lab2"]);
  expect(facts.get("lab2")?.shippedMs).toBe(NOON - 9 * MIN);
});

test("the newest sign counts: an upload, its bytes, a heartbeat", () => {
  const heartbeat = { ...unknownSummary("lab1"), age_s: 60 };
  expect(lastSign({ shippedMs: 1, movedMs: null, heartbeat: null }, NOON)).toBe(1);
  expect(lastSign({ shippedMs: 1, movedMs: 2, heartbeat: null }, NOON)).toBe(2);
  expect(lastSign({ shippedMs: 1, movedMs: 2, heartbeat }, NOON)).toBe(NOON - MIN);
  expect(lastSign({ shippedMs: null, movedMs: null, heartbeat: null }, NOON)).toBeNull();
});
