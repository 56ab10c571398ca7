// Why our own judgement does not tell now what the Python fleet's rule finds: a word for `held_by` of alerts.jsonl. It keeps no row from
// being written. Pure.

import type { Coverage } from "../coverage/coverage.ts";
import type { Times } from "../coverage/times.ts";
import { explainedBy, reasonsOf } from "../incidents/explain.ts";
import type { Incident } from "../incidents/incident.ts";
import { isSilenced, type Silence } from "../incidents/silence.ts";
import { type Facts, isFresh, quietFor } from "./facts.ts";
import type { Limits } from "./told.ts";

/** What a run finds of all hosts. */
export interface Judgement {
  facts: ReadonlyMap<string, Facts>;
  /** Hosts that are watched no more, and why. */
  gone: ReadonlyMap<string, "retired" | "expired">;
  /** Hosts of whom nothing can be told, since a clock was set. */
  lost: ReadonlySet<string>;
  coverage: Coverage;
  times: Times;
  limits: Limits;
}

/**
 * @param incidents of that host
 * @returns null: it is told, was, or nothing is known against it
 */
export function whyHeld(
  { host, symptom }: { host: string; symptom: string },
  incidents: readonly Incident[],
  silences: readonly Silence[],
  { facts, gone, lost, limits, coverage }: Omit<Judgement, "times">,
): string | null {
  const why = gone.get(host);
  if (why !== undefined) return why;
  if (isSilenced(silences, host, symptom, limits.nowMs)) return "silenced";
  const incident = incidents.find((one) => one.symptom === symptom);
  if (incident?.isTold === true) return null;
  const explained = explainedBy({ host, symptom, cause: "" }, reasonsOf(incidents));
  if (explained !== null) return explained;
  if (incident !== undefined) return incident.phase === "pending" ? "pending" : incident.heldBy;
  // Of a host whose heartbeats have ended that is all there is to say, before long.
  if (symptom === "silent" && incidents.some((one) => one.symptom === "host-down")) return "pending";
  if (lost.has(host)) return "clock-step";
  const known = facts.get(host);
  return symptom === "silent" && known !== undefined ? whyNotSilent(known, limits, coverage) : null;
}

/** Less than a whole run of the check. */
const GAP_MS = 2 * 60_000;

function whyNotSilent(
  { host, shippedMs, shippedAgeMs, movedMs, heartbeat }: Facts,
  limits: Limits,
  { steppedSince }: Coverage,
): string | null {
  const { nowMs, silentAfterMs } = limits;
  if (shippedMs === null) return null;
  if (movedMs !== null) return "uploading";
  const sinceMs = nowMs - shippedMs;
  const covered = quietFor(shippedMs, shippedAgeMs, limits);
  const isCovered = covered > silentAfterMs(host);
  if (isCovered && isFresh(heartbeat) && heartbeat.queue?.pending === 0) return "nothing-to-ship";
  if (isCovered) return null;
  if (shippedAgeMs !== null) return "clock-step";
  if (sinceMs - covered < GAP_MS) return "silent-after";
  // It only seems to be so long ago.
  return sinceMs - covered - steppedSince(shippedMs) < GAP_MS ? "clock-step" : "collector-gap";
}
