// How much of some time the receiver could have received something in: only that counts against a host that is silent. Pure.

import { TICK_MS, type Tick } from "../../contract/tick.ts";
import { isAhead } from "../../fleet/judge.ts";

/** Two ticks of one boot this far apart are of one run: a busy machine is late. Milliseconds. */
const JOINED_MS = 2.5 * TICK_MS;
/** After so long without a tick the receiver is down, milliseconds. */
export const DOWN_MS = 3 * TICK_MS;
/** Time that is not covered is worth a word from so long on, milliseconds. */
const GAP_MS = 10 * TICK_MS;

export interface Coverage {
  /** How much of the time from then until now counts, milliseconds. */
  since(fromMs: number): number;
  /** How much of the last so many milliseconds counts, whatever the clock has shown in them. */
  last(ms: number): number;
  /** By this clock; null: there is none, or none that tells. */
  newest: Tick | null;
  /** There are ticks, all of a time that has yet to come: when they were nobody knows. */
  areAhead: boolean;
  /** Whether the clock has shown that time twice, since it was set back: then it is not known which of the two is meant. */
  cameTwice(ms: number): boolean;
  /** How much the clock was set forward since then, as the machine's own clock tells, milliseconds; less than 0: back. */
  steppedSince(fromMs: number): number;
  /** The longest stretch that does not count and ended after an instant; null: none is worth a word. */
  gapAfter(ms: number): { fromMs: number; toMs: number } | null;
}

/**
 * The newest tick. One of a time that has yet to come was written before this clock was set back: then it is as much later than the newest
 * one that is not as the machine's own clock says, where that is of the same boot.
 */
function newestOf(ticks: readonly Tick[], nowMs: number, ageMs: number | null): Tick | null {
  const last = ticks.at(-1);
  if (last !== undefined && ageMs !== null) return { ...last, wallMs: nowMs - ageMs };
  if (last === undefined || !isAhead(last.wallMs, nowMs)) return last ?? null;
  const known = ticks.findLast(({ wallMs }) => !isAhead(wallMs, nowMs));
  if (known === undefined) return null;
  if (known.boot !== last.boot) return known;
  return { ...last, wallMs: Math.min(nowMs, known.wallMs + (last.uptimeS - known.uptimeS) * 1000) };
}

/**
 * Of a receiver that writes no ticks all time counts.
 * @param ageMs how long ago the newest tick came, as the runs have seen it; null: its time tells
 */
export function coverageOf(ticks: readonly Tick[], nowMs: number, ageMs: number | null = null): Coverage {
  const newest = newestOf(ticks, nowMs, ageMs);
  if (newest === null)
    return {
      since: (fromMs) => Math.max(0, nowMs - fromMs),
      last: (ms) => ms,
      ...{ newest, areAhead: ticks.length > 0, cameTwice: () => false, steppedSince: () => 0, gapAfter: () => null },
    };
  // Of each tick how much counts from the first one to it.
  const sums = new Float64Array(ticks.length);
  // The latest that the clock has shown up to it: that grows, though the clock may have been set back.
  const latest = new Float64Array(ticks.length);
  let [all, most, before]: [number, number, Tick | undefined] = [0, Number.NEGATIVE_INFINITY, undefined];
  for (let i = 0; i < ticks.length; i++) {
    const tick = ticks[i];
    all += between(before, tick);
    most = Math.max(most, tick?.wallMs ?? most);
    before = tick;
    sums[i] = all;
    latest[i] = most;
  }
  const earliest = earliestOf(ticks);
  const isBack = isAhead(ticks.at(-1)?.wallMs ?? nowMs, nowMs);
  const tail = (fromMs: number): number => (newest.isReady ? Math.min(Math.max(0, nowMs - fromMs), JOINED_MS) : 0);
  return {
    newest,
    areAhead: false,
    since(fromMs) {
      // Of an hour that has come twice the second; what is still to come again was before the clock was set back.
      const first = firstAt(fromMs > nowMs ? latest : earliest, fromMs);
      if (first === ticks.length) return tail(fromMs);
      const [tick, sum = 0] = [ticks[first], sums[first]];
      const part = Math.min((tick?.wallMs ?? fromMs) - fromMs, between(ticks[first - 1], tick));
      const counts = part + (all - sum) + tail(newest.wallMs);
      // No tick has come since the clock was set back: whether it came since then nobody knows.
      return isBack && fromMs <= nowMs ? Math.min(counts, nowMs - fromMs) : counts;
    },
    last(ms) {
      let left = ms - Math.max(0, nowMs - newest.wallMs);
      let counts = Math.min(ms, tail(newest.wallMs));
      for (let i = ticks.length - 1; i > 0 && left > 0; i--) {
        counts += Math.min(left, between(ticks[i - 1], ticks[i]));
        left -= elapsed(ticks[i - 1], ticks[i]);
      }
      return counts;
    },
    steppedSince(fromMs) {
      let stepped = 0;
      for (let i = firstAt(latest, fromMs); i < ticks.length; i++) stepped += stepOf(ticks[i - 1], ticks[i]);
      return stepped;
    },
    cameTwice: (ms) => firstAt(latest, ms) < firstAt(earliest, ms),
    gapAfter(ms) {
      let longest: { fromMs: number; toMs: number } | null = null;
      for (let i = firstAt(latest, ms); i < ticks.length; i++) {
        const [before, tick] = [ticks[i - 1], ticks[i]];
        if (before === undefined || tick === undefined || tick.wallMs <= ms || between(before, tick) > 0) continue;
        // How long that was nobody knows.
        if (isAhead(tick.wallMs, nowMs)) continue;
        const gap = { fromMs: before.wallMs, toMs: tick.wallMs };
        const isLonger = longest === null || gap.toMs - gap.fromMs > longest.toMs - longest.fromMs;
        if (gap.toMs - gap.fromMs >= GAP_MS && isLonger) longest = gap;
      }
      return longest;
    },
  };
}

/**
 * Of each tick the earliest that the clock has shown from it on: that grows, too. Where it was set back that is not what the next tick
 * shows, but what it showed right after that.
 */
function earliestOf(ticks: readonly Tick[]): Float64Array {
  const earliest = new Float64Array(ticks.length);
  let least = Number.POSITIVE_INFINITY;
  for (let i = ticks.length - 1; i >= 0; i--) {
    const [before, tick] = [ticks[i - 1], ticks[i]];
    if (tick === undefined) continue;
    earliest[i] = least = Math.min(least, tick.wallMs);
    if (before === undefined || tick.wallMs >= before.wallMs) continue;
    const sinceS = before.boot === tick.boot ? tick.uptimeS - before.uptimeS : tick.uptimeS;
    least = Math.min(least, tick.wallMs - Math.max(0, sinceS) * 1000);
  }
  return earliest;
}

/** The place of the first of numbers that grow that is not less; behind the last one: each is. */
function firstAt(numbers: Float64Array, least: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? least) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** By how much the clock went ahead of the machine's own between two ticks of one boot. */
function stepOf(before: Tick | undefined, tick: Tick | undefined): number {
  if (before === undefined || tick === undefined || before.boot !== tick.boot) return 0;
  return tick.wallMs - before.wallMs - (tick.uptimeS - before.uptimeS) * 1000;
}

/** How long after the one the other came, as far as that is known, milliseconds. */
function elapsed(before: Tick | undefined, tick: Tick | undefined): number {
  if (before === undefined || tick === undefined) return 0;
  return Math.max(0, before.boot === tick.boot ? (tick.uptimeS - before.uptimeS) * 1000 : tick.wallMs - before.wallMs);
}

/** How much counts between two ticks that follow each other: by the machine's own clock, which nobody sets. */
function between(before: Tick | undefined, tick: Tick | undefined): number {
  if (before === undefined || tick === undefined || before.boot !== tick.boot || !tick.isReady) return 0;
  const ms = (tick.uptimeS - before.uptimeS) * 1000;
  return ms > 0 && ms <= JOINED_MS ? ms : 0;
}
