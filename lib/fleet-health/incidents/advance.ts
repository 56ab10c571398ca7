// From the incidents of the run before and what this run has seen to those that stand now: one step of ok, pending, firing,
// recovering, ok for each symptom of each host. Whom to tell is decided in tell.ts. Pure: now is an argument.

import { type Change, type Event, type Ill, type Incident, keyOf } from "./incident.ts";
import { firesAtOnce, INCIDENT_POLICY, isOverAtOnce } from "./policy.ts";

/** What one run has seen. */
export interface Seen {
  nowMs: number;
  ill: readonly Ill[];
  /** Symptoms that this run could not look for: what stands of them stays. */
  unknown: ReadonlySet<string>;
  /** Incidents, by their keys, that are over whether their symptom could be looked for or not; left out: none are. */
  over?: ReadonlySet<string>;
  /** Symptoms that are told from nothing that a host does: they are over though nothing is known of it; left out: none are. */
  ofOthers?: ReadonlySet<string>;
  /** Hosts of whom this run can tell nothing: what stands of them stays. */
  lost: ReadonlySet<string>;
  /** Incidents, by their keys, that were taken from the history and cannot be judged yet: they stay. */
  unsure: ReadonlySet<string>;
  /** Hosts that are watched no more, and why. */
  gone: ReadonlyMap<string, "retired" | "expired">;
}

/** When each began to fire, of late, by its key. */
export type Fires = ReadonlyMap<string, readonly number[]>;

export interface Advanced {
  incidents: Incident[];
  fires: Fires;
  events: Event[];
}

/** One step of all. An end is an event that is told if its beginning was. */
export function advance(before: readonly Incident[], fires: Fires, seen: Seen): Advanced {
  const { nowMs, gone } = seen;
  const ill = new Map(seen.ill.filter(({ host }) => !gone.has(host)).map((one) => [keyOf(one), one]));
  const step = new Step(seen, recent(fires, nowMs));
  for (const incident of before) {
    const found = ill.get(keyOf(incident));
    ill.delete(keyOf(incident));
    step.go(incident, found);
  }
  for (const one of ill.values()) step.begin(one);
  return { incidents: step.incidents, fires: step.fires, events: step.events };
}

function recent(fires: Fires, nowMs: number): Map<string, readonly number[]> {
  const fresh = [...fires].map(
    // What has yet to come was before this clock was set back.
    ([key, times]) => [key, times.filter((at) => at <= nowMs && nowMs - at <= INCIDENT_POLICY.flapWindowMs)] as const,
  );
  return new Map(fresh.filter(([, times]) => times.length > 0));
}

class Step {
  readonly incidents: Incident[] = [];
  readonly events: Event[] = [];

  constructor(
    private readonly seen: Seen,
    readonly fires: Map<string, readonly number[]>,
  ) {}

  begin(ill: Ill): void {
    const incident: Incident = {
      ...ill,
      ...{ phase: "pending", pendingRuns: 1, sinceMs: this.seen.nowMs, firedMs: null, isTold: false, heldBy: null },
      ...{ hasNoData: false, flappingMs: null, hosts: [] },
    };
    if (firesAtOnce(ill.symptom)) this.fire(incident);
    else this.enter(incident, "pending");
  }

  /** @param found what this run sees of it; undefined: nothing */
  go(before: Incident, found: Ill | undefined): void {
    const { flappingMs } = before;
    const isAhead = flappingMs !== null && flappingMs > this.seen.nowMs;
    const incident = isAhead ? { ...before, flappingMs: this.seen.nowMs } : before;
    const why = this.seen.gone.get(incident.host);
    if (why !== undefined) this.end(incident, why);
    else if (found !== undefined) {
      const beganMs = incident.beganMs ?? found.beganMs;
      const isOther = found.cause !== incident.cause;
      const since = { beganMs, ...(isOther && { causeMs: this.seen.nowMs }) };
      this.ill({ ...incident, ...found, ...since, hasNoData: false, restoredMs: undefined });
    } else if (this.mayStand(incident)) this.incidents.push({ ...incident, hasNoData: true });
    else this.well({ ...incident, hasNoData: false, restoredMs: undefined });
  }

  /** Whether nobody can tell that it is over. */
  private mayStand(incident: Incident): boolean {
    const { unknown, lost, unsure, over, ofOthers } = this.seen;
    const isUnknown = unknown.has(incident.symptom) && over?.has(keyOf(incident)) !== true;
    const isLost = lost.has(incident.host) && ofOthers?.has(incident.symptom) !== true;
    return isUnknown || isLost || unsure.has(keyOf(incident));
  }

  private ill(incident: Incident): void {
    const { phase, pendingRuns, flappingMs } = incident;
    const { nowMs } = this.seen;
    // A moment of being well is a change, too, of what comes and goes.
    if (phase === "recovering") this.enter({ ...incident, flappingMs: flappingMs === null ? null : nowMs }, "firing");
    else if (phase === "steady") this.enter({ ...incident, pendingRuns: 1, flappingMs: nowMs }, "pending");
    else if (phase === "firing") {
      // What stays ill comes and goes no more.
      const isSteady = flappingMs !== null && nowMs - flappingMs >= INCIDENT_POLICY.steadyMs;
      this.incidents.push({ ...incident, flappingMs: isSteady ? null : flappingMs });
    } else if (pendingRuns >= INCIDENT_POLICY.pendingRuns) this.fire(incident);
    else this.incidents.push({ ...incident, pendingRuns: pendingRuns + 1 });
  }

  private well(incident: Incident): void {
    const { phase, flappingMs, firedMs } = incident;
    const { nowMs } = this.seen;
    if (isOverAtOnce(incident.symptom)) this.end(incident, "recovered");
    else if (phase === "firing") this.enter(incident, "recovering");
    else if (flappingMs === null) this.end(incident, firedMs === null ? "forgotten" : "recovered");
    else if (phase !== "steady") this.enter({ ...incident, flappingMs: nowMs }, "steady");
    else if (nowMs - flappingMs >= INCIDENT_POLICY.steadyMs) this.end(incident, "recovered");
    else this.incidents.push(incident);
  }

  /** Firing for the third time in some hours it flaps, and is told once as that. */
  private fire(incident: Incident): void {
    const { nowMs } = this.seen;
    const key = keyOf(incident);
    const times = [...(this.fires.get(key) ?? []), nowMs];
    this.fires.set(key, times);
    const flaps = incident.flappingMs !== null || times.length >= INCIDENT_POLICY.flapFires;
    this.enter({ ...incident, firedMs: incident.firedMs ?? nowMs, flappingMs: flaps ? nowMs : null }, "firing");
  }

  private enter(incident: Incident, phase: Incident["phase"]): void {
    const entered = { ...incident, phase };
    this.incidents.push(entered);
    if (phase !== "steady") this.note(phase, entered, false);
  }

  private end(incident: Incident, change: Change): void {
    this.note(change, incident, incident.isTold);
  }

  private note(change: Change, incident: Incident, isTold: boolean): void {
    this.events.push({ atMs: this.seen.nowMs, change, incident, isTold });
  }
}
