// Who is told that an incident fires, or that more is wrong than was told, and why some are held back: told together with others,
// silenced by a person, or explained by another symptom of the same host. Pure.

import { explainedBy, firingOf } from "./explain.ts";
import { type About, type Event, type Incident, MANY } from "./incident.ts";
import { detailOf, type OfMany, partsOfMany, toldOf } from "./parts.ts";
import { fleetSymptom } from "./policy.ts";
import { isSilenced, type Silence } from "./silence.ts";

/** What is told now: of those that fire and were not told yet all that nothing holds back. */
export function tell(
  incidents: readonly Incident[],
  silences: readonly Silence[],
  nowMs: number,
): { incidents: Incident[]; events: Event[] } {
  const telling = new Telling(incidents, silences, nowMs);
  // What they are told with holds back what each of them has.
  const many = new Map(incidents.filter(({ host }) => host === MANY).map((one) => [one, telling.ofMany(one)]));
  const ofMany = partsOfMany([...many.values()]);
  return { incidents: incidents.map((one) => many.get(one) ?? telling.ofOne(one, ofMany)), events: telling.events };
}

class Telling {
  readonly events: Event[] = [];
  private readonly firing: ReadonlySet<string>;

  constructor(
    private readonly incidents: readonly Incident[],
    private readonly silences: readonly Silence[],
    private readonly nowMs: number,
  ) {
    this.firing = firingOf(incidents);
  }

  ofMany(one: Incident): Incident {
    const { isTold, phase, symptom, parts = [], toldParts = [], joined = [] } = one;
    const untold = parts.filter((part) => !toldParts.includes(part));
    const isMore = untold.length > 0 || joined.length > 0;
    if ((isTold && !isMore) || phase !== "firing") return one;
    if (isSilenced(this.silences, MANY, symptom, this.nowMs)) return isTold ? one : { ...one, heldBy: "silenced" };
    const members = this.membersOf(one);
    const told = { ...one, isTold: true, heldBy: null, toldParts: parts, joined: undefined };
    if (!isTold) return this.note({ ...told, hosts: stillIll(one.hosts, members) });
    const some = members.filter((member) => untold.some((part) => member.parts?.includes(part)));
    const whom = new Set([...joined, ...some.map(({ host }) => host)]);
    const { what, fix } = some.flatMap((member) => detailOf(member, untold) ?? [])[0] ?? one;
    return this.note(told, { what, fix, hosts: one.hosts.filter((host) => whom.has(host)) });
  }

  ofOne(one: Incident, ofMany: OfMany): Incident {
    const { host, symptom, phase, isTold, parts = [] } = one;
    const many = ofMany(one);
    // Many who are not told of themselves hold back nobody but by a silence, which is of each of them, too.
    const toldParts = toldOf(one, many);
    const untold = parts.filter((part) => !toldParts.includes(part));
    if (isTold && untold.length === 0) return parts.length === 0 ? one : { ...one, toldParts };
    if (phase !== "firing") return one;
    if (isSilenced(this.silences, host, symptom, this.nowMs)) return isTold ? one : { ...one, heldBy: "silenced" };
    // What many get, some get a run before the others.
    const isDue = many === null || untold.some((part) => one.newParts?.includes(part));
    const heldBy = isDue ? explainedBy(one, this.firing) : fleetSymptom(symptom);
    const kept = many === null ? one : { ...one, toldParts, newParts: untold };
    if (heldBy !== null) return isTold ? kept : { ...kept, heldBy };
    const detail = isTold || many !== null ? detailOf(one, untold) : null;
    const told = { ...kept, isTold: true, heldBy: null, toldParts: [...toldParts, ...untold], newParts: undefined };
    return this.note(told, detail === null ? undefined : { ...detail, hosts: [] }, isTold ? "growing" : "firing");
  }

  private membersOf({ symptom, hosts }: Incident): Incident[] {
    const own = new Set(hosts);
    return this.incidents.filter((one) => own.has(one.host) && fleetSymptom(one.symptom) === symptom);
  }

  private note(
    incident: Incident,
    about?: About,
    change: "firing" | "growing" = about === undefined ? "firing" : "growing",
  ): Incident {
    this.events.push({ atMs: this.nowMs, change, incident, isTold: true, about });
    return incident;
  }
}

/** Who of many is ill when they are told of: some may have become well while that was held back. */
function stillIll(hosts: readonly string[], members: readonly Incident[]): string[] {
  const ill = new Set(members.filter(({ phase }) => phase !== "steady").map(({ host }) => host));
  return hosts.filter((host) => ill.has(host));
}
