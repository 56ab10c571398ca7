// Symptoms of a host itself: whether it is there, is one, and is well. Pure: now is an argument, by the collector's clock.

import { usedTwice } from "../../contract/enrolment-code.ts";
import { isAhead, type Judged } from "../../fleet/judge.ts";
import { SET_CLOCK } from "../../fleet/problem.ts";
import type { HostSummary } from "../../fleet/view.ts";
import { type Facts, heardOf, isFresh, quietFor } from "./facts.ts";
import { causesOf, failingOf } from "./failing-checks.ts";
import { isDisk } from "./of-keeping.ts";
import { refusedAtTheDoor } from "./of-shipping.ts";
import { downFix, HEARTBEAT_STATUS } from "./remedies.ts";
import { type Limits, long, problemOf, type Told } from "./told.ts";

/** What two machines do shows again within minutes: after an hour without it there is one. */
const ONE_AGAIN_MS = 3_600_000;

/** Two machines send under its name. */
export function duplicateHost({ duplicate }: Facts, { nowMs }: Limits): Told | null {
  if (duplicate === null || nowMs - duplicate.lastMs > ONE_AGAIN_MS || isAhead(duplicate.lastMs, nowMs)) return null;
  const { what, fix } = duplicate.found;
  return { cause: "duplicate", what, fix };
}

/** A code that it was enrolled with was sent by another machine, too. */
export function codeUsedTwice({ host, usedTwice: again }: Facts): Told | null {
  return again === null ? null : { cause: "code", ...usedTwice(host, again) };
}

/** Its heartbeats have ended, and nothing else comes from it. */
export function hostDown(facts: Facts, limits: Limits): Told | null {
  const { nowMs, downAfterMs } = limits;
  const { host, shippedMs, movedMs, heartbeat, shippedAgeMs, heardAgeMs } = facts;
  const heardMs = heardOf(heartbeat, nowMs);
  if (heardMs === null || movedMs !== null) return null;
  const signMs = Math.max(heardMs, shippedMs ?? heardMs);
  const heardForMs = quietFor(heardMs, heardAgeMs, limits);
  // Which came later nobody knows where the clock was set back between.
  const quietMs = shippedMs === null ? heardForMs : Math.min(heardForMs, quietFor(shippedMs, shippedAgeMs, limits));
  if (quietMs <= downAfterMs) return null;
  const beganMs = isAhead(heardMs, nowMs) ? nowMs - quietMs : heardMs;
  const what = `nothing has come from it for ${long(nowMs - beganMs)}`;
  const why = refusedAtTheDoor(heartbeat, signMs);
  if (why !== null) return { cause: why.cause, what: `${what}; ${why.what}`, fix: why.fix, beganMs, signMs };
  return { cause: "no sign of life", what, fix: downFix(host), beganMs, signMs };
}

export function heartbeatLate(facts: Facts, limits: Limits): Told | null {
  const { nowMs, downAfterMs } = limits;
  const { shippedMs, movedMs, heartbeat, shippedAgeMs, heardAgeMs } = facts;
  if (heartbeat === null || !heartbeat.stale || heartbeat.age_s === null) return null;
  // It shipped when its next heartbeat was overdue, and there was time for that to come: else both have ended, or nothing could come.
  const heardMs = nowMs - heartbeat.age_s * 1000;
  const lateMs = (heartbeat.late_after_s ?? 0) * 1000;
  const shipsMs = movedMs ?? shippedMs ?? heardMs;
  // Which of two came later nobody knows where the clock was set back between.
  if (movedMs === null && shippedAgeMs !== null) return null;
  if (shipsMs <= heardMs + lateMs || quietFor(heardMs, heardAgeMs, limits) <= lateMs) return null;
  // Of one that came before this clock was set back nobody knows how old it is.
  if (heartbeat.age_s * 1000 <= lateMs) return null;
  // Whom nothing comes from is down.
  const isThere = movedMs !== null || (shippedMs !== null && quietFor(shippedMs, shippedAgeMs, limits) <= downAfterMs);
  if (!isThere) return null;
  const why = refusedAtTheDoor(heartbeat, heardMs);
  if (why !== null) return { ...why, what: `it ships; ${why.what}`, beganMs: heardMs };
  const what = `it ships, and no heartbeat has come for ${long(heartbeat.age_s * 1000)}`;
  return { cause: "no heartbeat", what, fix: HEARTBEAT_STATUS, beganMs: heardMs };
}

export function clockSkew({ heartbeat }: Facts): Told | null {
  if (!isFresh(heartbeat) || !heartbeat.clock_off) return null;
  const { what, fix } = problemOf(heartbeat);
  return { cause: "clock", what, fix: fix ?? SET_CLOCK };
}

/** What holds of its checks: three runs in a row. What another symptom tells is not told twice. */
export function checkFailing({ heartbeat, checks }: Facts, { nowMs }: Limits): Told[] {
  if (!isFresh(heartbeat)) return [];
  return failingOf(checks, nowMs - heartbeat.age_s * 1000)
    .filter((check) => !isDisk(check) && !isToldElse(check, heartbeat))
    .flatMap((check) => {
      const { name, holds, said } = check;
      const what = `${name} ${holds}${said === null ? "" : `: ${said.what}`}`;
      return causesOf(check).map((cause) => ({ cause, what, fix: said?.fix ?? HEARTBEAT_STATUS }));
    });
}

/** The host's own check of its queue says what waits, is paused or refused, too. */
function isToldElse({ name, holds }: Judged, { queue }: HostSummary): boolean {
  if (name !== "queue" || queue === null) return false;
  return queue.paused !== null || (holds === "warning" && queue.held === null && queue.quarantined > 0);
}
