// What a person does not want to hear of for some time. Pure.

import { COLLECTOR, MANY } from "./incident.ts";
import { ofOne } from "./policy.ts";

export interface Silence {
  host: string;
  /** Null: all of them. */
  symptom: string | null;
  fromMs: number;
  untilMs: number;
  reason: string;
}

/** A silence of all is about each host, and about many, and not about the collector. */
function isAbout(silenced: string, host: string): boolean {
  return silenced === host || (silenced === MANY && host !== COLLECTOR);
}

/** Of many as of each of them. */
export function isSilenced(silences: readonly Silence[], host: string, symptom: string, nowMs: number): boolean {
  return silences.some(
    (one) =>
      isAbout(one.host, host) &&
      (one.symptom === null || one.symptom === ofOne(symptom)) &&
      one.fromMs <= nowMs &&
      nowMs < one.untilMs,
  );
}

/** By its own name: a silence of all holds back what is told of many, and this keeps it from being one of them. */
export function isSilencedAlone(silences: readonly Silence[], host: string, symptom: string, nowMs: number): boolean {
  const own = silences.filter((one) => one.host === host);
  return isSilenced(own, host, symptom, nowMs);
}
