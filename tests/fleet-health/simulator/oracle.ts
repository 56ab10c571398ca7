// Judges what was told in a simulated fleet against what was truly wrong in it: what was missed, late, told of hosts that are well, told
// twice, or never ended. From the rules alone.

import { aboutCollector } from "./oracle-collector.ts";
import { type ChannelPlan, clock, firstAt, HOUR, within } from "./plan.ts";
import type { Played } from "./play.ts";
import { isQuietAt } from "./quiet.ts";
import { ENDS_IN, SILENT_MS, type Sick, sicknesses } from "./sickness.ts";
import { type Heard, heardBy, type Telling } from "./tellings.ts";

/** In words, each with its host and when. */
export interface Verdict {
  /** Sicknesses that had to be told. */
  required: number;
  missed: string[];
  late: string[];
  wrong: string[];
  twice: string[];
  unclosed: string[];
  /** Notices that a channel has taken. */
  notices: number;
  lateMs: number[];
}

const NEVER = Number.POSITIVE_INFINITY;
/** A channel that was down is tried again within so long. */
const RETRY_MS = HOUR;
/** The third time in so long it comes and goes; that is over when nothing changes for so long. */
const FLAPS = 3;
const FLAP_WINDOW_MS = 6 * HOUR;
const STEADY_MS = 2 * HOUR;
const AT_ONCE = new Set(["paused", "duplicate-host"]);

/** What one channel was told. */
export function judge(played: Played, channel: ChannelPlan): Verdict {
  const heard = heardBy(played, channel.channel.name);
  const judging = new Judging(played, channel, heard);
  const sick = sicknesses(played);
  const verdict: Verdict = {
    ...{ required: 0, missed: [], late: [], wrong: [], twice: [...heard.faults], unclosed: [], lateMs: [] },
    notices: played.deliveries.filter((one) => one.channel === channel.channel.name).length,
  };
  for (const one of sick) judging.told(one, verdict);
  for (const one of heard.tellings.filter(({ named }) => !named.has("@"))) {
    judging.isTrue(one, sick, verdict);
    judging.isClosed(one, sick, verdict);
    if (!one.isFleet) judging.isOne(one, sick, verdict);
  }
  judging.quiet(verdict);
  aboutCollector(played, judging, heard, verdict);
  return verdict;
}

export class Judging {
  /** Runs that looked, kept and told. */
  readonly good: readonly number[];
  private readonly all: readonly number[];

  constructor(
    readonly played: Played,
    private readonly how: ChannelPlan,
    private readonly heard: Heard,
  ) {
    this.good = played.runs.filter(({ step, isBlind }) => step === "done" && !isBlind).map(({ ms }) => ms);
    this.all = played.runs.map(({ ms }) => ms);
  }

  /** The so-manieth good run from then on. */
  run(ms: number, count: number): number {
    return this.good[firstAt(this.good, ms) + count - 1] ?? NEVER;
  }

  private isOpen(ms: number): boolean {
    const backMs = this.how.down.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + RETRY_MS }));
    return !within(backMs, ms) && !isQuietAt(this.how.channel.quiet, this.played.world.stampMs(ms));
  }

  /** When a channel has heard at the latest what is told it then. */
  hearing(ms: number): number {
    if (!Number.isFinite(ms) || this.isOpen(ms)) return ms;
    let at = firstAt(this.good, ms);
    while (at < this.good.length && !this.isOpen(this.good[at] ?? NEVER)) at += 1;
    return this.run(this.good[at] ?? NEVER, 2);
  }

  /** Until when a sickness must be told, by a silence too; infinite: it need not be. */
  private dueMs(one: Sick): number {
    if (!one.isRequired) return NEVER;
    const clearMs = this.clearMs(one.fromMs);
    const seenMs = clearMs > one.fromMs ? Math.max(one.seenMs, clearMs + SILENT_MS) : one.seenMs;
    let dueMs = this.run(seenMs, one.toldIn);
    for (const silence of this.played.plan.silences)
      if (silence.host === one.host && silence.fromMs <= dueMs && dueMs < silence.toMs)
        dueMs = this.run(silence.toMs, 2);
    const heardMs = this.hearing(dueMs);
    return heardMs < this.overMs(one) ? heardMs : NEVER;
  }

  /** When it is over for whoever has to be told. */
  private overMs({ toMs, goneMs }: Sick): number {
    return Math.min(toMs, goneMs, this.played.plan.endMs);
  }

  told(one: Sick, verdict: Verdict): void {
    const dueMs = this.dueMs(one);
    if (dueMs === NEVER) return;
    verdict.required += 1;
    const about = this.heard.tellings.filter((telling) => this.isAbout(telling, one));
    const isToldAt = (ms: number): boolean => about.some((it) => it.heardMs <= ms && ms < it.endHeardMs);
    const what = `${one.host} ${one.kind} ${clock(one.fromMs)}–${clock(one.toMs)}, due ${clock(dueMs)}`;
    const firstMs = Math.min(...about.filter(({ endedMs }) => endedMs > dueMs).map(({ heardMs }) => heardMs));
    if (firstMs >= this.overMs(one)) verdict.missed.push(what);
    else if (firstMs > dueMs) {
      verdict.late.push(`${what}, told ${clock(firstMs)}`);
      verdict.lateMs.push(firstMs - dueMs);
    }
    const untold = this.good.find((ms) => ms >= Math.max(dueMs, firstMs) && ms < this.overMs(one) && !isToldAt(ms));
    if (firstMs < this.overMs(one) && untold !== undefined) verdict.missed.push(`${what}, quiet ${clock(untold)}`);
  }

  /** Whether it tells of this sickness: it names its host, or others of its group. */
  private isAbout({ symptom, named, joined, isFleet }: Telling, { host, symptoms, group }: Sick): boolean {
    if (!symptoms.has(symptom)) return false;
    if (named.has(host) || joined.has(host)) return true;
    return isFleet && group !== null && [...named.keys()].some((name) => this.groupsOf(name).includes(group));
  }

  private groupsOf(host: string): (string | null)[] {
    return this.played.world.host(host).plan.faults.map(({ group }) => group);
  }

  /** Whether each host that it names was ill of that, and for long enough. */
  isTrue(telling: Telling, sick: readonly Sick[], verdict: Verdict): void {
    const { symptom, isFleet, named, firedMs } = telling;
    for (const [host, ms] of named) {
      const own = this.causes(telling, host, ms, sick);
      if (own.length === 0) verdict.wrong.push(`${clock(ms)} ${host} ${isFleet ? "fleet-" : ""}${symptom}`);
      else if (!isFleet && own.some((one) => this.isOfGroup(one, sick, ms)))
        verdict.wrong.push(`${clock(ms)} ${host} ${symptom}: one of many, told alone`);
    }
    const silenced = this.played.plan.silences.filter(({ host }) => named.has(host) && !isFleet);
    if (within(silenced, firedMs)) verdict.wrong.push(`${clock(firedMs)} ${[...named.keys()][0]}: silenced`);
    const most = this.played.plan.hosts.length - sick.filter(({ goneMs }) => goneMs < firedMs).length;
    if (isFleet && named.size < Math.max(5, Math.ceil(most * 0.2)))
      verdict.wrong.push(`${clock(firedMs)} fleet-${symptom}: only ${named.size} hosts`);
  }

  /** What it may be that is told of a host then. */
  private causes({ symptom, isFleet }: Telling, host: string, ms: number, sick: readonly Sick[]): Sick[] {
    return sick.filter((one) => {
      const fromMs = one.symptoms.get(symptom) ?? NEVER;
      // Whoever returns may say that its queue has failed for long, and is on the list again.
      const isBack = symptom === "paused" && ms >= one.toMs;
      if (one.host !== host || fromMs > ms || ms > Math.min(one.untilMs, isBack ? NEVER : one.goneMs)) return false;
      // Nobody is told before the third run that sees it.
      const third = this.all[firstAt(this.all, fromMs) + 2] ?? NEVER;
      return isFleet || AT_ONCE.has(symptom) || ms >= third;
    });
  }

  /** Whether it stands with so many of its group that they are one incident. */
  private isOfGroup({ group, host }: Sick, sick: readonly Sick[], ms: number): boolean {
    const others = sick.filter((one) => group !== null && one.group === group && one.seenMs < ms && one.toMs > ms);
    const enough = Math.max(5, Math.ceil(this.played.plan.hosts.length * 0.2));
    return (
      others.length >= enough && others.length >= this.sizeOf(group) / 2 && others.some((one) => one.host === host)
    );
  }

  private sizeOf(group: string | null): number {
    return this.played.plan.hosts.filter(({ faults }) => faults.some((one) => one.group === group)).length;
  }

  /** Whether its end was told, as what it is, when it was over. */
  isClosed(telling: Telling, sick: readonly Sick[], verdict: Verdict): void {
    const { named, firedMs, symptom, isFleet, endHeardMs, end } = telling;
    const overs = [...named].map(([host, ms]) => this.overOf(telling, host, ms, sick)).filter((one) => one !== null);
    if (overs.length === 0) return;
    const sorted = overs.toSorted((a, b) => a.overMs - b.overMs);
    const half = sorted[isFleet ? Math.floor(sorted.length / 2) : 0];
    if (half === undefined) return;
    const dueMs = this.hearing(this.run(this.clearMs(half.overMs), ENDS_IN));
    const what = `${[...named.keys()].slice(0, 3).join(" ")} ${symptom} told ${clock(firedMs)}`;
    if (dueMs < this.played.plan.endMs && endHeardMs > dueMs)
      verdict.unclosed.push(`${what}, over ${clock(half.overMs)}, due ${clock(dueMs)}, ended ${clock(endHeardMs)}`);
    if (half.isGone && !isFleet && end === "recovered" && telling.endedMs > half.overMs)
      verdict.unclosed.push(`${what}, ended as ${end}`);
  }

  /**
   * Of an hour that comes twice, since the clock was set back, nothing is certain before it is over: a sign of life may have been of its
   * first time or its second. Then what it says is late, by no more than the clock was set.
   */
  private clearMs(ms: number): number {
    const { steps } = this.played.plan.collector;
    const twice = steps.filter(({ atMs, byMs }) => byMs < 0 && Math.abs(ms - atMs) <= -byMs);
    return Math.max(ms, ...twice.map(({ atMs, byMs }) => atMs - byMs));
  }

  /** What is told for the third time in some hours is one incident until it has been quiet for long. */
  isOne({ named, symptom, firedMs, endedMs, end }: Telling, sick: readonly Sick[], verdict: Verdict): void {
    const [host = ""] = named.keys();
    const same = this.heard.tellings.filter((one) => !one.isFleet && one.symptom === symptom && one.named.has(host));
    const times = same.filter((one) => one.firedMs <= firedMs && one.firedMs >= firedMs - FLAP_WINDOW_MS);
    const spells = sick.filter((one) => one.host === host && one.symptoms.has(symptom) && one.untilMs <= endedMs);
    const last = spells.toSorted((a, b) => a.untilMs - b.untilMs).at(-1);
    if (times.length < FLAPS || end !== "recovered" || last === undefined) return;
    const wasLong = last.untilMs - last.seenMs >= STEADY_MS;
    // One symptom of a host may be over before another one is: at the earliest when the host is mended.
    if (!wasLong && endedMs < last.toMs + STEADY_MS)
      verdict.wrong.push(`${clock(endedMs)} ${host} ${symptom}: comes and goes, and is told as over`);
  }

  /** When that of one host is over, with all that follows too closely to be told apart. */
  private overOf(
    telling: Telling,
    host: string,
    ms: number,
    sick: readonly Sick[],
  ): { overMs: number; isGone: boolean } | null {
    const mine = sick.filter((one) => one.host === host && one.symptoms.has(telling.symptom) && one.seenMs < NEVER);
    let found: { overMs: number; wellMs: number; isGone: boolean } | null = null;
    for (const one of [...this.causes(telling, host, ms, sick), ...mine.toSorted((a, b) => a.seenMs - b.seenMs)]) {
      const isFirst = found === null;
      const follows = found !== null && one.fromMs <= found.overMs + STEADY_MS && one.untilMs > found.wellMs;
      if (!isFirst && !follows) continue;
      if (isFirst && one.untilMs < ms) continue;
      const fires = mine.filter(({ seenMs }) => seenMs <= one.seenMs && seenMs >= one.seenMs - FLAP_WINDOW_MS).length;
      const isGone = one.goneMs < one.untilMs && ms <= one.goneMs;
      const wellMs = isGone ? one.goneMs : one.untilMs;
      found = { wellMs, isGone, overMs: wellMs + (fires >= FLAPS && !isGone ? STEADY_MS : 0) };
    }
    return found;
  }

  /** In its quiet hours a channel hears nothing. */
  quiet(verdict: Verdict): void {
    const { channel } = this.how;
    for (const { channel: name, ms, id } of this.played.deliveries)
      if (name === channel.name && isQuietAt(channel.quiet, this.played.world.stampMs(ms)))
        verdict.wrong.push(`${clock(ms)} ${id}: in quiet hours`);
  }
}
