// What is wrong in an incident, piece by piece, such as checks by their names: what somebody was told of, and what not. Pure.

import { type Detail, type Incident, keyOf, MANY } from "./incident.ts";
import { ofOne } from "./policy.ts";

/** What many were told with to whom a host belongs. */
export interface Shared {
  parts: ReadonlySet<string>;
  causes: ReadonlySet<string>;
}

/**
 * Those of its parts that somebody was told of, of the host alone or with others.
 * @param ofMany null: it belongs to none
 */
export function toldOf(incident: Incident, ofMany: Shared | null): readonly string[] {
  const { parts = [], isTold, cause } = incident;
  const shared = parts.filter((part) => ofMany?.parts.has(part));
  // Of one that was taken from the history what stands first was told.
  const own = incident.toldParts ?? (isTold ? parts : null);
  if (own !== null) return [...new Set([...own, ...shared])];
  // Who has the same cause has the same by another name, such as another disk that is low.
  const isSame = ofMany !== null && shared.length === 0 && ofMany.causes.has(cause);
  return isSame ? parts : shared;
}

/** The others. */
export function untoldOf(incident: Incident, ofMany: Shared | null): readonly string[] {
  const told = toldOf(incident, ofMany);
  return (incident.parts ?? []).filter((part) => !told.includes(part));
}

/** Of these parts those that the cause stands for: a check by its name, and how grave it is. */
export function partsOfCause(parts: readonly string[], cause: string): string[] {
  return parts.filter((part) => part === cause || part.startsWith(`${cause} `));
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
export type OfMany = (one: Pick<Incident, "host" | "symptom">) => Shared | null;

/** @param all those of many; a host may belong to more than one of them @param which what they have, or what somebody was told of */
export function partsOfMany(all: readonly Incident[], which: "parts" | "toldParts" = "parts"): OfMany {
  const found = new Map<string, Shared>();
  for (const { host: of, symptom, cause, hosts, [which]: parts = [] } of all)
    for (const host of of === MANY ? hosts : []) {
      const key = keyOf({ host, symptom: ofOne(symptom) });
      const known = found.get(key);
      const [others, causes] = [known?.parts ?? new Set<string>(), known?.causes ?? new Set<string>()];
      found.set(key, { parts: others.union(new Set(parts)), causes: causes.union(new Set([cause])) });
    }
  return (one) => found.get(keyOf(one)) ?? null;
}

/** Whether a host still has what many were told with, and not only something else that came since. */
export function sharesWith(
  { parts = [], toldParts = [], cause }: Incident,
  many: Pick<Incident, "parts" | "cause">,
): boolean {
  const { parts: ofMany = [] } = many;
  if (parts.length === 0 || ofMany.length === 0 || parts.some((part) => ofMany.includes(part))) return true;
  // Whoever has the same by another name still does while that stands.
  if (cause !== many.cause || toldParts.some((part) => ofMany.includes(part))) return false;
  return toldParts.length === 0 || parts.some((part) => toldParts.includes(part));
}

/** What is said of the first of these of its parts, and how many others there are; null: nothing but what is said of all of it. */
export function detailOf({ parts = [], details }: Incident, some: readonly string[]): Detail | null {
  const said = parts.flatMap((part) => (some.includes(part) ? (details?.[part] ?? []) : []));
  const [first, ...more] = new Map(said.map((one) => [one.what, one])).values();
  if (first === undefined) return null;
  return { what: more.length === 0 ? first.what : `${first.what} (and ${more.length} more)`, fix: first.fix };
}
