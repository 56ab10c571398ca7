// Symptoms of a host whose episodes do not arrive. Pure: now is an argument, by the collector's clock.

import { readHostFix } from "../../contract/said.ts";
import type { Finding, Fix } from "../../core/finding.ts";
import { counted } from "../../core/text/quantity.ts";
import { SET_CLOCK } from "../../fleet/problem.ts";
import type { HostSummary } from "../../fleet/view.ts";
import { type Facts, isFresh, quietFor } from "./facts.ts";
import { refusedFix, SHIPPER_STATUS, silentFix } from "./remedies.ts";
import { type Limits, long, type Told } from "./told.ts";
import { refusedOf } from "./uploads.ts";

/** A queue that waits for a person, at once; one that fails, when it does not mend itself. */
export function paused(facts: Facts, limits: Limits): Told | null {
  return pausedAsItSays(facts, limits) ?? unableOf(facts);
}

/**
 * What no heartbeat would get through, either: one that does says that it is over, and the queue will see that with its next try, which is
 * two minutes away at most.
 */
const OF_THE_WAY = /^(?:connect|dns|tls|network)\b|^unauthorized$/;
const NEXT_TRY_MS = 4 * 60_000;

/** Durations by the host's own clock. */
function pausedAsItSays({ heartbeat, past }: Facts, { nowMs, coveredMs, failingAfterMs }: Limits): Told | null {
  if (!isFresh(heartbeat)) return null;
  const pause = heartbeat.queue?.paused ?? null;
  if (pause === null) return null;
  const sentMs = Date.parse(heartbeat.sent_at ?? "");
  const pausedMs = sentMs - Date.parse(pause.since ?? "") + (heartbeat.age_s + (heartbeat.late_s ?? 0)) * 1000;
  // A queue that failed while nothing could come here goes on by itself, within minutes of when something can.
  const failedMs = Number.isFinite(pausedMs) ? Math.min(pausedMs, coveredMs(nowMs - pausedMs)) : 0;
  if (pause.kind === "failing" && failedMs < failingAfterMs) return null;
  const triedMs = Math.min(failedMs, nowMs - (past.heardSinceMs ?? nowMs));
  if (OF_THE_WAY.test(pause.reason ?? "") && triedMs < NEXT_TRY_MS) return null;
  const since = Number.isFinite(pausedMs) ? ` for ${long(pausedMs)}` : "";
  const cause = pause.reason ?? "not said";
  return {
    ...{ cause, signMs: nowMs - heartbeat.age_s * 1000 },
    ...(Number.isFinite(pausedMs) && { beganMs: nowMs - pausedMs }),
    what: `its queue is paused${since}: ${pause.detail}`,
    fix: readHostFix(pause.fix) ?? SHIPPER_STATUS,
  };
}

/** Two refusals that are about no episode make a shipper wait, when they are no single moment. */
const UNABLE_MS = 60_000;

/** What a host met that does not say it, or whose heartbeats met it, too. */
function unableOf({ uploads: { unable } }: Facts): Told | null {
  const [first, last] = [unable[0], unable.at(-1)];
  if (first === undefined || last === undefined || last.ms - first.ms < UNABLE_MS) return null;
  const what = `this collector could not take what it sent, ${counted(unable.length, "time")} in ${long(last.ms - first.ms)} (${last.reason})`;
  return { cause: last.reason, what, fix: refusedFix(last.reason), signMs: last.ms };
}

/** It ships nothing: one whose heartbeat says that there is nothing to ship is idle, and well. */
export function silent(facts: Facts, limits: Limits): Told | null {
  const { shippedMs, heartbeat } = facts;
  // Whose heartbeats have ended, too, is down: that is one thing to say, and not two.
  if (shippedMs === null || !isOverdue(facts, limits) || haveEnded(heartbeat)) return null;
  // By a clock that was set back since it shipped a moment ago, or has yet to.
  const quietMs = Math.max(limits.nowMs - shippedMs, quietFor(shippedMs, facts.shippedAgeMs, limits));
  const found = whySilent(facts, `it has shipped nothing for ${long(quietMs)}`);
  return found === null ? null : { ...found, beganMs: limits.nowMs - quietMs, signMs: shippedMs };
}

/** Null: it has nothing to ship, and says so. */
export function whySilent(facts: Facts, what: string): Told | null {
  const { host, shippedMs, heartbeat } = facts;
  const why = refusedAtTheDoor(heartbeat, shippedMs);
  if (why !== null) return { cause: why.cause, what: `${what}; ${why.what}`, fix: why.fix };
  if (heartbeat === null || heartbeat.never) return { cause: "not known", what, fix: silentFix(host) };
  return queueSilent(facts, heartbeat, what);
}

/** Nothing of it has arrived for too long. What is on its way is no silence, however long it takes. */
function isOverdue({ host, shippedMs, shippedAgeMs, movedMs }: Facts, limits: Limits): boolean {
  if (shippedMs === null || movedMs !== null) return false;
  return quietFor(shippedMs, shippedAgeMs, limits) > limits.silentAfterMs(host);
}

/** They came, and come no more. */
export function haveEnded(heartbeat: HostSummary | null): boolean {
  return heartbeat !== null && !heartbeat.never && !isFresh(heartbeat);
}

/** Its heartbeats say why. */
function queueSilent({ checks }: Facts, { queue, clock_off }: HostSummary, what: string): Told | null {
  const said = checks.find(({ name, holds }) => name === "queue" && holds !== "stale")?.said ?? null;
  if (queue === null) {
    const why = said === null ? "and its shipper does not run" : said.what;
    return { cause: "shipper", what: `${what}: ${why}`, fix: said?.fix ?? SHIPPER_STATUS };
  }
  if (queue.pending === 0 && queue.waiting === null && queue.held === null) return null;
  const behind = `${what}, and has ${queue.pending} to ship`;
  if (clock_off) return { cause: "clock", what: `${behind}; its clock is off`, fix: SET_CLOCK };
  // No shipper says since when the oldest waits: none runs, and the host's check says what starts it.
  if (queue.pending > 0 && queue.oldest_pending_s === null && said !== null)
    return { cause: "queue", what: `${behind}: ${said.what}`, fix: said.fix ?? SHIPPER_STATUS };
  return { cause: "queue", what: behind, fix: SHIPPER_STATUS };
}

/**
 * Why nothing comes from a host that was refused before it had shown who it is, in the words of the receiver's own list. Anybody may
 * send under its name: that is no alarm by itself, and explains one.
 * @param signMs when something of it was taken last: what was refused before that keeps nothing away
 */
export function refusedAtTheDoor(
  heartbeat: HostSummary | null,
  signMs: number | null,
): (Finding & { cause: string; fix: Fix }) | null {
  if (heartbeat === null || heartbeat.refused === null || heartbeat.problem === null) return null;
  if (signMs !== null && Date.parse(heartbeat.refused.at) <= signMs) return null;
  if (!heartbeat.stale && !heartbeat.never) return null;
  const { reason } = heartbeat.refused;
  // The list names no remedy for what is about episodes.
  return { cause: reason, ...heartbeat.problem, fix: heartbeat.problem.fix ?? refusedFix(reason) };
}

/** So many uploads that failed over so long are all of them, of a host that seldom ships. */
export const FEW = 3;
export const FEW_MS = 3 * 3_600_000;
/** It has stopped when none comes for so many times as long as between two before, and for this long at least. */
const STOPPED_TIMES = 3;
const STOPPED_MS = 3_600_000;

/** All that it sends is refused: many of late, or some over hours. */
export function fatalOnly({ uploads, past }: Facts, { fatalMinCount, nowMs, coveredMs }: Limits): Told | null {
  const { count, reason } = refusedOf(uploads);
  const { refusedMs: signMs } = uploads;
  if (uploads.taken === 0 && count >= fatalMinCount) {
    const what = `each of its ${count} uploads of late was refused, most of them as ${reason}`;
    return { cause: reason ?? "", what, fix: refusedFix(reason), ...(signMs !== null && { signMs }) };
  }
  const { failing } = past;
  const longMs = failing === null ? 0 : failing.lastMs - failing.firstMs;
  if (failing === null || failing.count < FEW || longMs < FEW_MS) return null;
  // What comes no more is refused no more: it has nothing to send, or something else keeps it.
  if (coveredMs(failing.lastMs) > Math.max(STOPPED_MS, (STOPPED_TIMES * longMs) / (failing.count - 1))) return null;
  const what = `each of its ${failing.count} uploads in ${long(nowMs - failing.firstMs)} has failed, the newest as ${failing.reason}`;
  return { cause: failing.reason, what, fix: refusedFix(failing.reason), signMs: failing.lastMs };
}

export function unstamped({ uploads }: Facts, { fatalMinCount }: Limits): Told | null {
  const count = uploads.refused.get("missing-commit") ?? 0;
  if (count < fatalMinCount) return null;
  const what = `${count} of its uploads of late did not say which code recorded them`;
  const { refusedMs: signMs } = uploads;
  return { cause: "missing-commit", what, fix: refusedFix("missing-commit"), ...(signMs !== null && { signMs }) };
}
