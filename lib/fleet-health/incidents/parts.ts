// What is wrong in an incident, piece by piece, such as checks by their names: what somebody was told of, and what not. Pure.

import { type Detail, type Incident, keyOf, MANY } from "./incident.ts";
import { ofOne } from "./policy.ts";

/**
 * Those of its parts that somebody was told of, of the host alone or with others.
 * @param ofMany what many were told with to whom it belongs; null: it belongs to none
 */
export function toldOf(incident: Incident, ofMany: ReadonlySet<string> | null): readonly string[] {
  const { parts = [], isTold } = incident;
  const shared = parts.filter((part) => ofMany?.has(part));
  // Of one that was taken from the history what stands first was told.
  const own = incident.toldParts ?? (isTold ? parts : null);
  if (own !== null) return [...new Set([...own, ...shared])];
  // Who has nothing of what they were told with has the same by another name, such as another disk that is low.
  return ofMany === null || shared.length > 0 ? shared : parts;
}

/** The others. */
export function untoldOf(incident: Incident, ofMany: ReadonlySet<string> | null): readonly string[] {
  const told = toldOf(incident, ofMany);
  return (incident.parts ?? []).filter((part) => !told.includes(part));
}

/** What so many of these have. @param partsOf those of one that count */
export function sharedParts(
  members: readonly Incident[],
  least: number,
  partsOf: (member: Incident) => readonly string[] = ({ parts = [] }) => parts,
): string[] {
  const groups = Map.groupBy(members.flatMap(partsOf), (part) => part);
  return [...groups].filter(([, some]) => some.length >= least).map(([part]) => part);
}

/** What many were told with, of whom one is; null: it belongs to none. */
export type OfMany = (one: Pick<Incident, "host" | "symptom">) => ReadonlySet<string> | null;

/** @param all those of many; a host may belong to more than one of them */
export function partsOfMany(all: readonly Incident[]): OfMany {
  const found = new Map<string, Set<string>>();
  for (const { host: of, symptom, hosts, parts = [] } of all)
    for (const host of of === MANY ? hosts : []) {
      const key = keyOf({ host, symptom: ofOne(symptom) });
      found.set(key, (found.get(key) ?? new Set()).union(new Set(parts)));
    }
  return (one) => found.get(keyOf(one)) ?? null;
}

/** Whether a host still has what many were told with, and not only something else that came since. */
export function sharesWith({ parts = [], toldParts }: Incident, ofMany: readonly string[]): boolean {
  if (toldParts === undefined || toldParts.length === 0 || parts.length === 0 || ofMany.length === 0) return true;
  // Whoever had the same by another name still does while that stands.
  const had = toldParts.some((part) => ofMany.includes(part)) ? ofMany : toldParts;
  return parts.some((part) => had.includes(part));
}

/** What is said of the first of these of its parts, and how many others there are; null: nothing but what is said of all of it. */
export function detailOf({ parts = [], details }: Incident, some: readonly string[]): Detail | null {
  const said = parts.flatMap((part) => (some.includes(part) ? (details?.[part] ?? []) : []));
  const [first, ...more] = new Map(said.map((one) => [one.what, one])).values();
  if (first === undefined) return null;
  return { what: more.length === 0 ? first.what : `${first.what} (and ${more.length} more)`, fix: first.fix };
}
