// Who is told that an incident fires, or that more is wrong than was told, and why some are held back: told together with others,
// silenced by a person, or explained by another symptom of the same host. Pure.

import { explainedBy, type Reasons, reasonsOf } from "./explain.ts";
import { belongsTo } from "./fold.ts";
import { type About, type Event, type Incident, MANY } from "./incident.ts";
import { fleetSymptom, isFleetSymptom, isNewsByCause } from "./policy.ts";
import { isSilenced, isSilencedAlone, type Silence } from "./silence.ts";

/** What is told now: of those that fire and were not told yet all that nothing holds back. */
export function tell(
  incidents: readonly Incident[],
  silences: readonly Silence[],
  nowMs: number,
): { incidents: Incident[]; events: Event[] } {
  const telling = new Telling(incidents, silences, nowMs);
  const step = (one: Incident): Incident => (one.host === MANY ? telling.ofMany(one) : telling.ofOne(one));
  return { incidents: incidents.map(step), events: telling.events };
}

class Telling {
  readonly events: Event[] = [];
  private readonly reasons: Reasons;
  private readonly many: readonly Incident[];

  constructor(
    private readonly incidents: readonly Incident[],
    private readonly silences: readonly Silence[],
    private readonly nowMs: number,
  ) {
    this.reasons = reasonsOf(incidents);
    this.many = incidents.filter(({ host }) => host === MANY);
  }

  ofMany(one: Incident): Incident {
    const { isTold, phase, symptom, joined = [] } = one;
    if ((isTold && joined.length === 0) || phase !== "firing") return one;
    if (isSilenced(this.silences, MANY, symptom, this.nowMs)) return isTold ? one : { ...one, heldBy: "silenced" };
    const members = this.membersOf(one);
    const told = { ...one, isTold: true, heldBy: null, joined: undefined };
    if (isTold) {
      const later = members.filter(({ host }) => joined.includes(host));
      const hosts = [...new Set(later.map(({ host }) => host))];
      const [first] = later;
      return first === undefined ? told : this.note(told, { what: first.what, fix: first.fix, hosts });
    }
    const ill = new Set(members.map(({ host }) => host));
    const hosts = one.hosts.filter((host) => ill.has(host));
    // Who is left is silenced by name.
    return hosts.length === 0 ? { ...one, heldBy: "silenced" } : this.note({ ...told, hosts });
  }

  ofOne(one: Incident): Incident {
    const { host, symptom, cause, what, fix, phase, isTold, toldCauses = [] } = one;
    const isOther = isNewsByCause(symptom) && !toldCauses.includes(cause);
    if (phase !== "firing" || (isTold && !isOther)) return one;
    if (isSilenced(this.silences, host, symptom, this.nowMs)) return isTold ? one : { ...one, heldBy: "silenced" };
    const heldBy = this.heldBy(one);
    if (heldBy !== null) return isTold ? one : { ...one, heldBy };
    const causes = isNewsByCause(symptom) ? { toldCauses: [...toldCauses, cause] } : {};
    const told = { ...one, ...causes, isTold: true, heldBy: null };
    return this.note(told, isTold ? { what, fix, hosts: [] } : undefined);
  }

  private heldBy(one: Incident): string | null {
    if (!one.isTold && this.many.some((many) => belongsTo(one, many))) return fleetSymptom(one.symptom);
    // Another cause than that of the others: some of them find it a run before the rest do.
    const isFirst = one.causeMs === this.nowMs && one.heldBy !== null && isFleetSymptom(one.heldBy);
    return isFirst ? one.heldBy : explainedBy(one, this.reasons);
  }

  /** Those of many who are ill, and whom nobody has silenced by name. */
  private membersOf(many: Incident): Incident[] {
    return this.incidents.filter(
      (one) =>
        one.host !== MANY &&
        one.phase !== "steady" &&
        belongsTo(one, many) &&
        !isSilencedAlone(this.silences, one.host, one.symptom, this.nowMs),
    );
  }

  private note(incident: Incident, about?: About): Incident {
    const change = about === undefined ? "firing" : "growing";
    this.events.push({ atMs: this.nowMs, change, incident, isTold: true, about });
    return incident;
  }
}
