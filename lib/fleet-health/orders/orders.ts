// What a person has said of hosts, as files in the state directory: silences.d/<host>[ <symptom>].json and retired.json. Text and back.
// Pure; times are ISO 8601.

import { isoWall } from "../../core/clock.ts";
import { type ChecksOf, hasFields, isText, orNull, parseShaped } from "../../core/text/shape.ts";
import type { Silence } from "../incidents/silence.ts";

interface SilenceFile {
  host: string;
  /** Null: all of them. */
  symptom: string | null;
  from: string;
  until: string;
  reason: string;
}

const hasSilence = hasFields({
  host: isText,
  symptom: orNull(isText),
  from: isText,
  until: isText,
  reason: isText,
} satisfies ChecksOf<SilenceFile>);

/** The name of a silence's file: one of the same host and symptom takes its place. */
export function silenceFile({ host, symptom }: Pick<Silence, "host" | "symptom">): string {
  return symptom === null ? `${host}.json` : `${host} ${symptom}.json`;
}

export function formatSilence({ host, symptom, fromMs, untilMs, reason }: Silence): string {
  const file: SilenceFile = { host, symptom, from: isoWall(fromMs), until: isoWall(untilMs), reason };
  return `${JSON.stringify(file)}\n`;
}

/** Null: it is none. */
export function parseSilence(text: string): Silence | null {
  const file = parseShaped(text, (value): value is SilenceFile => hasSilence(value));
  if (file === null) return null;
  const { host, symptom, from, until, reason } = file;
  const [fromMs, untilMs] = [Date.parse(from), Date.parse(until)];
  return Number.isFinite(fromMs) && Number.isFinite(untilMs) ? { host, symptom, fromMs, untilMs, reason } : null;
}

/** Hosts that are watched no more, with when that was said. */
export type Retired = ReadonlyMap<string, number>;

const isTime = (value: unknown): boolean => typeof value === "string" && Number.isFinite(Date.parse(value));
const hasTimes = (value: unknown): value is Record<string, string> =>
  typeof value === "object" && value !== null && Object.values(value).every(isTime);

export function formatRetired(retired: Retired): string {
  return `${JSON.stringify(Object.fromEntries([...retired].map(([host, ms]) => [host, isoWall(ms)])))}\n`;
}

/** Null: it is none. */
export function parseRetired(text: string): Retired | null {
  const file = parseShaped(text, hasTimes);
  return file === null ? null : new Map(Object.entries(file).map(([host, at]) => [host, Date.parse(at)]));
}
