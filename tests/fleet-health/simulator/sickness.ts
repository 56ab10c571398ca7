// What is truly wrong in a simulated fleet, and by when that must have been told, written from the rules of the health check's
// specification and not from its code: a host is silent after half an hour of time in which it could have been heard, seen so in two runs
// before it is told, in the next one at the latest.

import type { HostSim } from "./host.ts";
import { DAY, type Fault, firstFrom, HOUR, type HostPlan, lastBefore, MIN, type Span, union } from "./plan.ts";
import type { Played } from "./play.ts";

/** Runs until a symptom is told: two pending, the one that tells it, and one of slack; and of what is told at once. */
export const TOLD_IN = 4;
export const AT_ONCE_IN = 2;
/** Runs until an end is told: two that see it, and one of slack. */
export const ENDS_IN = 3;

export const SILENT_MS = 30 * MIN;
const WINDOW_MS = 30 * MIN;
const FATAL_COUNT = 10;
/** Each of the last attempts over so long was refused. */
const ALL_REFUSED_MS = 3 * HOUR;
/** A heartbeat each minute is late after two of them and half a minute. */
const LATE_MS = 2 * MIN + 30_000;

export interface Sick {
  host: string;
  kind: Fault["kind"] | "full";
  group: string | null;
  /** It breaks, and is mended. */
  fromMs: number;
  toMs: number;
  /** From then on a run can see it; infinite: never, it was too short. */
  seenMs: number;
  /** Until then a run sees it: the first sign of its being well comes then. */
  untilMs: number;
  /** What may be told of it, and from when on. */
  symptoms: ReadonlyMap<string, number>;
  /** Runs in which it must be told. */
  toldIn: number;
  /** A person has taken it from the list, or it was forgotten. */
  goneMs: number;
  isRequired: boolean;
}

const NEVER = Number.POSITIVE_INFINITY;

/** A restart costs nobody anything. */
const RESTART_MS = 2 * MIN;

/** Time in which something could have come: the receiver was up, and could store. */
class Covered {
  private readonly gaps: Span[];

  constructor({ collector }: Played["plan"]) {
    const gaps = union([...collector.off, ...collector.down, ...collector.full]);
    this.gaps = gaps.filter(({ fromMs, toMs }) => toMs - fromMs > RESTART_MS);
  }

  /** When so much of it has passed since an instant. */
  after(fromMs: number, longMs: number): number {
    let [atMs, leftMs] = [fromMs, longMs];
    for (const gap of this.gaps) {
      if (gap.toMs <= atMs) continue;
      if (gap.fromMs - atMs >= leftMs) break;
      leftMs -= Math.max(0, gap.fromMs - atMs);
      atMs = gap.toMs;
    }
    return atMs + leftMs;
  }
}

/** All that is wrong with all hosts. */
export function sicknesses(played: Played): Sick[] {
  const covered = new Covered(played.plan);
  return played.world.hosts.flatMap((sim) => {
    const own = sim.plan.faults.flatMap((fault) => sickOf(played, sim, fault, covered) ?? []);
    return [...own, ...allowed(played, sim)];
  });
}

function sickOf({ plan }: Played, sim: HostSim, fault: Fault, covered: Covered): Sick | null {
  const rule = RULES[fault.kind];
  if (rule === null) return null;
  const { host } = sim.plan;
  const ship = lastBefore(sim.ships, fault.fromMs) ?? NEVER;
  const sign = Math.max(ship === NEVER ? 0 : ship, lastBefore(sim.beats, fault.fromMs) ?? 0);
  const retiredMs = plan.retired.find((one) => one.host === host && one.atMs > fault.fromMs)?.atMs ?? NEVER;
  const goneMs = Math.min(retiredMs, sign + plan.expireAfterMs);
  const found: Found = rule({ sim, fault, ship, sign, silentMs: covered.after(ship, own(sim.plan)), covered });
  const sick = {
    ...{ host, kind: fault.kind, group: fault.group, fromMs: fault.fromMs, toMs: fault.toMs, goneMs },
    ...{ toldIn: TOLD_IN, isRequired: true, ...found },
  };
  return sick.seenMs >= Math.min(sick.untilMs, goneMs) ? { ...sick, seenMs: NEVER, isRequired: false } : sick;
}

const own = ({ silentAfterMs }: HostPlan): number => silentAfterMs ?? SILENT_MS;

interface Case {
  sim: HostSim;
  fault: Fault;
  /** The last upload that was taken before, and the last sign of any kind. */
  ship: number;
  sign: number;
  /** It is silent from then on. */
  silentMs: number;
  covered: Covered;
}

type Found = Pick<Sick, "seenMs" | "untilMs" | "symptoms"> & Partial<Pick<Sick, "toldIn" | "isRequired">>;

const RULES: Record<Fault["kind"], ((one: Case) => Found) | null> = {
  off: dark,
  cut: dark,
  shipper: shipperDead,
  agent: agentDead,
  refused,
  misconfigured,
  clock({ sim, fault }) {
    const seenMs = firstFrom(sim.beats, fault.fromMs) ?? NEVER;
    return { seenMs, untilMs: firstFrom(sim.beats, fault.toMs) ?? NEVER, symptoms: new Map([["clock-skew", seenMs]]) };
  },
  // A host that sends is well.
  upload: null,
  clone({ sim, fault }) {
    // The one, the other, the one again and the other again: no machine comes back twice.
    const changes = sim.changes.filter((ms) => ms >= fault.fromMs && ms < fault.toMs);
    const seenMs = (changes[5] ?? NEVER) + MIN;
    const symptoms = new Map([["duplicate-host", fault.fromMs]]);
    return { seenMs, untilMs: fault.toMs + HOUR, symptoms, toldIn: AT_ONCE_IN };
  },
};

/** When it is well again for those who look from afar: it ships, or says that it has nothing to ship. */
function wellMs({ plan, ships, beats }: HostSim, toMs: number): number {
  const ship = firstFrom(ships, toMs) ?? NEVER;
  const beat = firstFrom(beats, toMs) ?? NEVER;
  return plan.dailyMs === null || beat === NEVER ? ship : Math.min(ship, beat);
}

/** When its heartbeats say so, too. */
function saidWellMs(sim: HostSim, toMs: number): number {
  const ms = wellMs(sim, toMs);
  return sim.plan.hasBeats ? (firstFrom(sim.beats, ms) ?? NEVER) : ms;
}

/** Nothing comes from it. */
function dark({ sim, fault, sign, silentMs, covered }: Case): Found {
  const downMs = covered.after(sign, SILENT_MS);
  const { hasBeats } = sim.plan;
  const symptoms = new Map([["silent", silentMs]]);
  // A heartbeat that says a queue has failed for long may be the first that comes again.
  if (hasBeats) symptoms.set("host-down", downMs);
  if (hasBeats) symptoms.set("paused", fault.toMs);
  const seenMs = hasBeats ? downMs : silentMs;
  return { seenMs, untilMs: saidWellMs(sim, fault.toMs), symptoms };
}

/** Its heartbeats say that no shipper runs; without them it is silent as any other. */
function shipperDead({ sim, fault, silentMs }: Case): Found {
  const saidMs = sim.plan.hasBeats ? (firstFrom(sim.beats, fault.fromMs) ?? NEVER) : 0;
  const seenMs = Math.max(silentMs, saidMs);
  return { seenMs, untilMs: wellMs(sim, fault.toMs), symptoms: new Map([["silent", seenMs]]) };
}

/** It ships, and no heartbeat comes; one that does not ship either may as well be off. */
function agentDead({ sim, fault, sign, covered }: Case): Found {
  // The receiver's list counts ages in whole seconds.
  const late = (lastBefore(sim.beats, fault.fromMs) ?? fault.fromMs) + LATE_MS + 1000;
  const seenMs = firstFrom(sim.ships, late) ?? NEVER;
  const symptoms = new Map([["heartbeat-late", seenMs]]);
  if (sim.plan.dailyMs !== null) symptoms.set("host-down", covered.after(sign, SILENT_MS));
  return { seenMs, untilMs: firstFrom(sim.beats, fault.toMs) ?? NEVER, symptoms };
}

/** Ten refusals in half an hour without a success, or nothing but refusals for three hours; else it is silent, if nobody hears why. */
function refused({ sim, fault, ship, silentMs }: Case): Found {
  const times = sim.refusals.filter((ms) => ms >= fault.fromMs && ms < fault.toMs);
  const many = times.filter((ms, i) => {
    const tenth = times[i - FATAL_COUNT + 1] ?? Number.NEGATIVE_INFINITY;
    return ms - tenth < WINDOW_MS && ms - ship >= WINDOW_MS;
  });
  const long = times.filter((ms, i) => i >= 2 && ms - (times[0] ?? ms) >= ALL_REFUSED_MS);
  const seenMs = Math.min(many[0] ?? NEVER, long[0] ?? NEVER, sim.plan.hasBeats ? NEVER : silentMs);
  const symptoms = new Map(["unstamped", "waits-alone"].map((name) => [name, times[FATAL_COUNT - 1] ?? NEVER]));
  // Of many hosts at once, that is.
  symptoms.set("fatal-only", fault.group === null ? seenMs : (times[0] ?? NEVER));
  // One more refused episode is enough.
  symptoms.set("quarantine-growing", times[0] ?? NEVER);
  symptoms.set("silent", silentMs);
  const untilMs = Math.max(wellMs(sim, fault.toMs), (times.at(-1) ?? 0) + WINDOW_MS);
  return { seenMs, untilMs, symptoms };
}

/** Its heartbeats say so, and why: that is told at once. */
function misconfigured({ sim, fault, silentMs }: Case): Found {
  if (!sim.plan.hasBeats)
    return { seenMs: silentMs, untilMs: wellMs(sim, fault.toMs), symptoms: new Map([["silent", silentMs]]) };
  // Its first upload of that time is refused before it says so.
  const triedMs = fault.fromMs + 1.2 * sim.plan.everyMs + MIN;
  const untilMs = saidWellMs(sim, fault.toMs);
  const symptoms = new Map([
    ["paused", fault.fromMs],
    ["silent", silentMs],
  ]);
  return { seenMs: firstFrom(sim.beats, triedMs) ?? NEVER, untilMs, symptoms, toldIn: AT_ONCE_IN };
}

/** What may be told and need not be: of a collector that cannot store, and of one whose own clock is wrong. */
function allowed({ plan }: Played, sim: HostSim): Sick[] {
  const { host, hasBeats } = sim.plan;
  const may = (kind: Sick["kind"], span: Span, names: readonly string[]): Sick => ({
    ...{ host, kind, group: null, ...span, seenMs: NEVER, untilMs: span.toMs, toldIn: TOLD_IN, goneMs: NEVER },
    ...{ isRequired: false, symptoms: new Map(names.map((name) => [name, span.fromMs])) },
  });
  const full = plan.collector.full.map(({ fromMs, toMs }) =>
    may("full", { fromMs, toMs: firstFrom(sim.ships, toMs) ?? toMs }, ["fatal-only"]),
  );
  const skew = (hasBeats ? wrongTimes(plan) : []).map((span) => may("clock", span, ["clock-skew"]));
  return [...full, ...skew];
}

/** While its clock is wrong, each host's differs; heartbeats say so within a minute. */
function wrongTimes({ collector: { steps }, endMs }: Played["plan"]): Span[] {
  let offset = 0;
  return steps.flatMap(({ atMs, byMs }, i) => {
    offset += byMs;
    return offset === 0 ? [] : [{ fromMs: atMs, toMs: (steps[i + 1]?.atMs ?? endMs + DAY) + 2 * MIN }];
  });
}
