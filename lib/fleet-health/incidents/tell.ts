// Who is told that an incident fires, or that more is wrong than was told, and why some are held back: told together with others,
// silenced by a person, or explained by another symptom of the same host. Pure.

import { explainedBy, firingOf } from "./explain.ts";
import { type About, type Event, type Incident, MANY } from "./incident.ts";
import { detailOf, partsOfCause, partsOfMany, type Shared, sharesWith, toldOf, untoldOf } from "./parts.ts";
import { fleetSymptom } from "./policy.ts";
import { isSilenced, isSilencedAlone, type Silence } from "./silence.ts";

/** What is told now: of those that fire and were not told yet all that nothing holds back. */
export function tell(
  incidents: readonly Incident[],
  silences: readonly Silence[],
  nowMs: number,
): { incidents: Incident[]; events: Event[] } {
  const telling = new Telling(incidents, silences, nowMs);
  // What they are told with holds back what each of them has.
  const many = new Map(incidents.filter(({ host }) => host === MANY).map((one) => [one, telling.ofMany(one)]));
  const [have, told] = [partsOfMany([...many.values()]), partsOfMany([...many.values()], "toldParts")];
  const step = (one: Incident): Incident => many.get(one) ?? telling.ofOne(one, have(one), told(one));
  return { incidents: incidents.map(step), events: telling.events };
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
    if (!isTold) {
      const ill = new Set(members.filter((member) => sharesWith(member, one)).map(({ host }) => host));
      const hosts = one.hosts.filter((host) => ill.has(host));
      // Who is left is silenced by name.
      if (hosts.length === 0) return { ...one, heldBy: "silenced" };
      return this.note({ ...one, hosts, isTold: true, heldBy: null, toldParts: parts, joined: undefined });
    }
    return joined.length > 0 ? this.joined(one, members) : this.grown(one, members, untold);
  }

  /** Hosts that came later. */
  private joined(one: Incident, members: readonly Incident[]): Incident {
    const told = { ...one, joined: undefined };
    const hosts = members.flatMap((member) =>
      one.joined?.includes(member.host) && sharesWith(member, one) ? member.host : [],
    );
    const [first] = members.filter(({ host }) => hosts.includes(host));
    if (first === undefined) return told;
    const ofCause = partsOfCause(one.parts ?? [], one.cause);
    const { what, fix } = detailOf(first, ofCause.length > 0 ? ofCause : (first.parts ?? [])) ?? one;
    return this.note(told, { what, fix, hosts });
  }

  /** One more thing that is wrong with many of them; what else is comes in the next run. */
  private grown(one: Incident, members: readonly Incident[], untold: readonly string[]): Incident {
    const having = (parts: readonly string[]): Incident[] =>
      members.filter((member) =>
        parts.some((part) => member.parts?.includes(part) && !member.toldParts?.includes(part)),
      );
    const [first] = having(untold.slice(0, 1));
    const what = first === undefined ? undefined : first.details?.[untold[0] ?? ""]?.what;
    // How grave it is, is of the same.
    const same = untold.filter((part, i) => i === 0 || (what !== undefined && first?.details?.[part]?.what === what));
    const told = { ...one, toldParts: [...(one.toldParts ?? []), ...same] };
    if (first === undefined) return told;
    const { what: said, fix } = detailOf(first, same) ?? first;
    return this.note(told, { what: said, fix, hosts: having(same).map(({ host }) => host) });
  }

  /** @param many what those have to whom it belongs, and what was told of them; null: it belongs to none */
  ofOne(one: Incident, many: Shared | null, ofMany: Shared | null): Incident {
    const { host, symptom, phase, isTold, parts = [] } = one;
    const toldParts = toldOf(one, ofMany);
    // What many have is told of all of them, now or in one of the next runs.
    const untold = untoldOf(one, many);
    if (isTold && untold.length === 0) return parts.length === 0 ? one : { ...one, toldParts, newParts: undefined };
    const kept = many === null ? one : { ...one, toldParts, newParts: untold };
    if (phase !== "firing") return phase === "pending" ? { ...one, newParts: kept.newParts } : one;
    if (isSilenced(this.silences, host, symptom, this.nowMs)) return isTold ? one : { ...one, heldBy: "silenced" };
    // What many get, some get a run before the others.
    const isDue = many === null || untold.some((part) => one.newParts?.includes(part));
    const heldBy = isDue ? explainedBy(one, this.firing) : fleetSymptom(symptom);
    if (heldBy !== null) return isTold ? kept : { ...kept, heldBy };
    const detail = isTold || many !== null ? detailOf(one, untold) : null;
    const told = { ...kept, isTold: true, heldBy: null, toldParts: [...toldParts, ...untold], newParts: undefined };
    return this.note(told, detail === null ? undefined : { ...detail, hosts: [] }, isTold ? "growing" : "firing");
  }

  /** Those of many who are ill, and whom nobody has silenced by name. */
  private membersOf({ symptom, hosts }: Incident): Incident[] {
    const own = new Set(hosts);
    return this.incidents.filter(
      (one) =>
        own.has(one.host) &&
        one.phase !== "steady" &&
        fleetSymptom(one.symptom) === symptom &&
        !isSilencedAlone(this.silences, one.host, one.symptom, this.nowMs),
    );
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
