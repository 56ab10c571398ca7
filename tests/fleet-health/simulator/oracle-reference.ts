// How the Python fleet's judge does by the same oracle: its rows are what it tells. Rows of one host and one time of not shipping count
// once: it has a row for each hour.

import { clock, firstAt, HOUR, lastBefore, type Plan } from "./plan.ts";
import type { AlertRow, Played } from "./play.ts";
import { type Sick, sicknesses, TOLD_IN } from "./sickness.ts";

export interface ReferenceVerdict {
  required: number;
  missed: string[];
  /** It was told, and an hour or more before its end not any more. */
  quiet: string[];
  wrong: string[];
  rows: number;
}

/** It has a row an hour of what stands. */
const QUIET_MS = 2 * HOUR;
const NEVER = Number.POSITIVE_INFINITY;

export function judgeReference(played: Played): ReferenceVerdict {
  const { plan, alerts, world } = played;
  const sick = sicknesses(played);
  const rows = Map.groupBy(alerts, ({ host }) => host);
  const verdict: ReferenceVerdict = { required: 0, missed: [], quiet: [], wrong: [], rows: alerts.length };
  for (const one of sick.filter((it) => isDue(it, played))) {
    verdict.required += 1;
    const overMs = Math.min(one.toMs, one.goneMs, plan.endMs);
    const own = (rows.get(one.host) ?? []).filter(({ ms }) => ms >= one.fromMs && ms <= overMs);
    const what = `${one.host} ${one.kind} ${clock(one.fromMs)}`;
    if (own.length === 0) verdict.missed.push(what);
    else if (overMs - (own.at(-1)?.ms ?? 0) > QUIET_MS) verdict.quiet.push(what);
  }
  const wrong = new Set<string>();
  for (const [host, own] of rows) {
    const { ships } = world.host(host);
    const mine = sick.filter((one) => one.host === host);
    for (const row of own)
      if (!mine.some((one) => isIll(one, row))) wrong.add(`${host} ${clock(lastBefore(ships, row.ms) ?? 0)}`);
  }
  verdict.wrong = [...wrong];
  return verdict;
}

/** Long enough that it had to be told, by a silence or not: it knows of none. */
function isDue(one: Sick, { runs, plan }: Pick<Played, "runs"> & { plan: Plan }): boolean {
  if (!one.isRequired) return false;
  const at = firstAt(
    runs.map(({ ms }) => ms),
    one.seenMs,
  );
  const dueMs = runs[at + TOLD_IN - 1]?.ms ?? NEVER;
  return dueMs < Math.min(one.toMs, one.goneMs, plan.endMs);
}

/** Whether the host was ill by then: so that any word of it is right. */
function isIll({ symptoms, untilMs, seenMs }: Sick, { ms, symptom }: AlertRow): boolean {
  const fromMs = Math.min(seenMs, symptoms.get(symptom) ?? NEVER);
  return fromMs <= ms && ms <= untilMs;
}
