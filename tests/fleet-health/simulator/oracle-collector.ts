// What has to be told of the collector itself, and of hosts that come back, in a simulated fleet.

import type { Judging, Verdict } from "./oracle.ts";
import { clock, firstAt, firstFrom, lastBefore, MIN, within } from "./plan.ts";
import type { Played } from "./play.ts";
import type { Heard, Telling } from "./tellings.ts";

/** It is down when it wrote nothing for three minutes; a gap is worth a word from ten on. */
const DOWN_MS = 3 * MIN;
const GAP_MS = 10 * MIN;
/** One run tells it, and one is slack. */
const TOLD_IN = 2;

export function aboutCollector(played: Played, judging: Judging, heard: Heard, verdict: Verdict): void {
  const { collector } = played.plan;
  const its = heard.tellings.filter(({ named }) => named.has("@"));
  for (const span of collector.down) {
    const seenMs = judging.good.find((ms) => within([span], ms) && ms - lastTick(played, ms) > DOWN_MS);
    if (seenMs !== undefined) expectTold("collector-down", seenMs, span.toMs, { judging, its, verdict });
  }
  for (const span of collector.full) {
    const seenMs = judging.good.find(
      (ms) => within([span], ms) && (lastBefore(played.world.fullTicks, ms) ?? 0) > span.fromMs,
    );
    // Which of the two it is depends on whether somebody has tried to send something by then.
    const isNamed = its.some(({ symptom, firedMs }) => symptom === "collector-full" && within([span], firedMs));
    const symptom = isNamed ? "collector-full" : "collector-failing";
    if (seenMs !== undefined) expectTold(symptom, seenMs, span.toMs, { judging, its, verdict });
  }
  for (const one of its) isTrue(played, one, verdict);
  gaps(played, judging, heard, verdict);
  returns(played, judging, heard, verdict);
}

function lastTick({ world }: Played, ms: number): number {
  return Math.max(lastBefore(world.readyTicks, ms) ?? 0, lastBefore(world.fullTicks, ms) ?? 0);
}

interface About {
  judging: Judging;
  its: readonly Telling[];
  verdict: Verdict;
}

/** It must be told by the run after the one that sees it, and its end as soon as it is over. */
function expectTold(symptom: string, seenMs: number, overMs: number, { judging, its, verdict }: About): void {
  const dueMs = judging.hearing(judging.run(seenMs, TOLD_IN));
  if (dueMs >= overMs) return;
  verdict.required += 1;
  const told = its.find((one) => one.symptom === symptom && one.firedMs >= seenMs && one.firedMs < overMs);
  if (told === undefined || told.heardMs > dueMs) verdict.missed.push(`${symptom} ${clock(seenMs)}`);
  const endMs = judging.hearing(judging.run(overMs + MIN, TOLD_IN));
  if (told !== undefined && endMs < judging.played.plan.endMs && told.endHeardMs > endMs)
    verdict.unclosed.push(`${symptom} ${clock(seenMs)}`);
}

/** Whether the collector was as it is told then. */
function isTrue(played: Played, { symptom, firedMs }: Telling, verdict: Verdict): void {
  const { down, full, blind } = played.plan.collector;
  const minute = (spans: typeof down) => within(spans, firedMs) || within(spans, firedMs - MIN);
  const isSo =
    (symptom === "collector-down" && within(down, firedMs) && firedMs - lastTick(played, firedMs) > DOWN_MS) ||
    (["collector-full", "collector-failing"].includes(symptom) && minute(full)) ||
    (symptom === "detector-blind" && within(blind, firedMs));
  if (!isSo) verdict.wrong.push(`${clock(firedMs)} ${symptom}`);
}

/** Of a machine that was off for long a word, once. */
function gaps({ plan, world, runs }: Played, judging: Judging, { notes }: Heard, verdict: Verdict): void {
  const said = notes.filter(({ symptom }) => symptom === "collector-gap");
  for (const { fromMs, toMs } of plan.collector.off) {
    if (toMs - fromMs < GAP_MS || (runs[0]?.ms ?? 0) > fromMs) continue;
    const upMs = firstFrom(world.readyTicks, toMs) ?? toMs;
    const dueMs = judging.run(upMs, TOLD_IN);
    const own = said.filter(({ ms }) => ms >= toMs && ms <= dueMs);
    verdict.required += 1;
    if (own.length === 0) verdict.missed.push(`collector-gap ${clock(fromMs)}`);
    if (own.length > 1) verdict.twice.push(`collector-gap ${clock(fromMs)}`);
  }
  const spans = [...plan.collector.off, ...plan.collector.down, ...plan.collector.full];
  for (const { ms } of said) {
    const ended = spans.filter(
      (one) => one.toMs <= ms && firstAt(judging.good, ms) - firstAt(judging.good, one.toMs) <= 3,
    );
    if (ended.length === 0) verdict.wrong.push(`${clock(ms)} collector-gap`);
  }
}

/** A retired host that ships again is told once. */
function returns({ plan, world }: Played, judging: Judging, { notes }: Heard, verdict: Verdict): void {
  const said = notes.filter(({ symptom }) => symptom === "returned");
  for (const { host, atMs } of plan.retired) {
    const backMs = firstFrom(world.host(host).ships, atMs);
    const dueMs = backMs === null ? Number.POSITIVE_INFINITY : judging.run(backMs, TOLD_IN);
    const own = said.filter((one) => one.host === host && one.ms >= atMs);
    if (dueMs < plan.endMs && !own.some(({ ms }) => ms <= dueMs))
      verdict.missed.push(`${host} returned ${clock(dueMs)}`);
    if (own.length > 1) verdict.twice.push(`${host} returned ${own.length} times`);
    if (own.some(({ ms }) => backMs === null || ms < backMs)) verdict.wrong.push(`${host} returned`);
  }
}
