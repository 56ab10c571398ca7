// What a channel has heard, as stretches of time: from when to when it has to believe that a host is ill. Notices that come twice, ends
// without a beginning and beginnings without an end between them show here.

import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import type { Delivery, Played } from "./play.ts";

/** One incident as a channel was told of it. */
export interface Telling {
  symptom: string;
  isFleet: boolean;
  /** Whom it names, with the run that did. */
  named: Map<string, number>;
  /** Whom its last word names, too. */
  joined: Set<string>;
  /** The run that made its first word, and when that was heard. */
  firedMs: number;
  heardMs: number;
  /** The run that made its last word, and when that was heard; infinite: none was. */
  endedMs: number;
  endHeardMs: number;
  end: string | null;
}

export interface Heard {
  tellings: Telling[];
  /** What is told once, with when its run was. */
  notes: { host: string; symptom: string; ms: number }[];
  /** What should never be heard. */
  faults: string[];
}

const ENDS = new Set(["recovered", "retired", "expired"]);
const NEVER = Number.POSITIVE_INFINITY;

export function heardBy(played: Played, channel: string): Heard {
  const ear = new Ear(played.madeMs);
  for (const delivery of played.deliveries) if (delivery.channel === channel) ear.take(delivery);
  const { tellings, notes, faults } = ear;
  return { tellings, notes, faults };
}

class Ear {
  readonly tellings: Telling[] = [];
  readonly notes: Heard["notes"] = [];
  readonly faults: string[] = [];
  private readonly open = new Map<string, Telling>();
  private readonly notices = new Map<string, Delivery>();

  constructor(private readonly madeMs: ReadonlyMap<number, number>) {}

  take(delivery: Delivery): void {
    const { id, rows, isMarked, ms } = delivery;
    const before = this.notices.get(id);
    this.notices.set(id, { ...delivery, isMarked: isMarked || before?.isMarked === true });
    if (before === undefined) for (const row of rows) this.row(row, ms);
    else if (before.isMarked) this.faults.push(`notice ${id} came again after it was marked`);
    else if (JSON.stringify(before.rows) !== JSON.stringify(rows)) this.faults.push(`notice ${id} says another thing`);
  }

  private row(row: IncidentRow, heardMs: number): void {
    const { host, hosts, cause, sequence, change } = row;
    const ms = this.madeMs.get(sequence) ?? heardMs;
    const isFleet = host === "*";
    const key = `${host}|${row.symptom}|${isFleet ? cause : ""}`;
    const names = isFleet ? hosts : [host];
    const symptom = row.symptom.replace(/^fleet-/, "");
    if (change === "noted" || change === "returned") this.notes.push({ host, symptom, ms });
    else if (change === "firing") this.begin(key, names, { symptom, isFleet, firedMs: ms, heardMs });
    else if (change === "growing") this.grow(key, names, ms);
    else if (ENDS.has(change)) this.end(key, names, change, ms, heardMs);
    else this.faults.push(`${key} was told as ${change}`);
  }

  private begin(
    key: string,
    names: readonly string[],
    about: Pick<Telling, "symptom" | "isFleet" | "firedMs" | "heardMs">,
  ): void {
    if (this.open.has(key)) this.faults.push(`${key} begins twice`);
    for (const one of this.open.values()) {
      const twice = names.filter((name) => one.symptom === about.symptom && one.named.has(name));
      if (twice.length > 0) this.faults.push(`${key}: ${twice.join(" ")} told already`);
    }
    const named = new Map(names.map((name) => [name, about.firedMs]));
    const telling = { ...about, named, joined: new Set<string>(), endedMs: NEVER, endHeardMs: NEVER, end: null };
    this.open.set(key, telling);
    this.tellings.push(telling);
  }

  private grow(key: string, names: readonly string[], ms: number): void {
    const telling = this.open.get(key);
    if (telling === undefined) this.faults.push(`${key} grows without a beginning`);
    for (const name of names) if (telling?.named.has(name) === false) telling.named.set(name, ms);
  }

  private end(key: string, names: readonly string[], change: string, ms: number, heardMs: number): void {
    const telling = this.open.get(key);
    this.open.delete(key);
    if (telling === undefined) this.faults.push(`${key} ends without a beginning`);
    else Object.assign(telling, { endedMs: ms, endHeardMs: heardMs, end: change, joined: new Set(names) });
  }
}
