// A host's whole document, as `GET /v1/hosts/<host>` and `receiver hosts <host>` show it. Pure.

import type { ResultState, StoredHeartbeat } from "../contract/host-document.ts";
import type { CheckResult } from "../contract/observation.ts";
import { isoWall } from "../core/clock.ts";
import { ageS, judge, resultBrief } from "./judge.ts";
import { type OwnStore, queueOf } from "./queue-view.ts";
import { briefOf, statesOf, summarise } from "./view.ts";

/** A host's whole document at `nowMs`, as `GET /v1/hosts/<host>` gives it. */
export function hostView(host: string, stored: StoredHeartbeat, nowMs: number, own: OwnStore | null = null) {
  const { results, ...rest } = stored.heartbeat;
  const states = statesOf(stored);
  const receivedMs = Date.parse(stored.received_at_wall);
  return {
    ...summarise(briefOf(host, stored), nowMs, own),
    queue: queueOf(stored.heartbeat.queue),
    received_at_wall: stored.received_at_wall,
    age_s: ageS(receivedMs, nowMs),
    late_s: stored.late_s,
    heartbeat: {
      ...rest,
      /** Of all in it that has no age of its own: uptime, versions, queue, plugins. It had lain at the host before it came. */
      age_s: ageS(receivedMs, nowMs) + stored.late_s,
      results: results.map((result) => resultView(result, states.get(result.name), { receivedMs, nowMs })),
    },
  };
}

export type HostView = ReturnType<typeof hostView>;

function resultView(
  result: CheckResult,
  state: ResultState | undefined,
  { receivedMs, nowMs }: { receivedMs: number; nowMs: number },
) {
  const judged = judge(resultBrief(result, state, receivedMs), nowMs);
  return {
    ...result,
    status: judged.shown,
    /** What it was before it expired; of a pending one what its last run said. */
    ...((judged.shown === "stale" || judged.before !== null) && { was: judged.was }),
    stale: judged.shown === "stale",
    // Of the value, from the end of its run: more than what its time to live is counted by.
    age_s: ageS(judged.asOfMs, nowMs) + (state?.lag_s ?? 0),
    // A run before that said something else tells nothing about since when it is waiting.
    since_wall: judged.before === null ? (state?.since_wall ?? isoWall(receivedMs)) : null,
    attempts: judged.attempts,
    hard: judged.holds,
    state: judged.state,
    flapping: judged.flapping,
    flap_percent: state?.flap_percent ?? 0,
  };
}
