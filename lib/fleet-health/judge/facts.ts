// What a run knows of each host: when it last gave a sign of life, what became of its uploads of late, and what its heartbeat says.
// Pure; times in milliseconds since 1970 by the collector's clock.

import type { AttemptRow } from "../../contract/attempt-row.ts";
import type { Code } from "../../contract/enrolment-code.ts";
import { isName } from "../../contract/names.ts";
import { isoWall } from "../../core/clock.ts";
import { isAhead, type Judged } from "../../fleet/judge.ts";
import { type DuplicateHost, duplicateOf, type Senders } from "../../fleet/senders.ts";
import type { HostSummary } from "../../fleet/view.ts";
import { type Mark, markOf } from "../coverage/age.ts";
import type { Hosts } from "../hosts/hosts.ts";
import type { LastSeen } from "../index/last-seen.ts";
import { type Past, pastOf } from "./past.ts";
import type { Limits } from "./told.ts";
import { NO_UPLOADS, type Uploads, uploadsOf } from "./uploads.ts";

export interface Facts {
  host: string;
  /** The newest of: a row of the index that is its own, an upload that was answered with success. Null: it never shipped. */
  shippedMs: number | null;
  /** How long ago that was, as the runs have seen it, where its time does not tell: this clock was set back; null: it does. */
  shippedAgeMs: number | null;
  /** The same of its newest heartbeat. */
  heardAgeMs: number | null;
  /** When bytes of an upload that is under way last came; null: none is, or none have come for a while. */
  movedMs: number | null;
  uploads: Uploads;
  /** Its row in the receiver's list; null: it has none. */
  heartbeat: HostSummary | null;
  /** Its checks that do not hold as ok. */
  checks: readonly Judged[];
  /** Two machines that sent under its name of late, and when that last showed; null: there are none. */
  duplicate: { found: DuplicateHost; lastMs: number } | null;
  /** A code with which it was enrolled that was sent again, with another token; null: none was. */
  usedTwice: NonNullable<Code["again"]> | null;
  past: Past;
}

/** An upload moves whose last bytes came within this, milliseconds. */
const MOVING_MS = 5 * 60_000;

export interface Inputs {
  nowMs: number;
  /** When the run before was; null: there was none. */
  lastRunMs: number | null;
  seen: LastSeen;
  /** What the runs before remember, by host. */
  past: ReadonlyMap<string, Past>;
  attempts: readonly AttemptRow[];
  /** Where the recent window begins. */
  sinceMs: number;
  hosts: Hosts;
  /** How long after the run before this one is, milliseconds. */
  elapsedMs: number;
  /** Of a time that has yet to come, or that this clock has shown twice: nobody knows when it was. */
  isDoubtful: (ms: number) => boolean;
}

/** Of each host of whom anything is known. */
export function factsOf(inputs: Inputs): Map<string, Facts> {
  const { seen, past, attempts, sinceMs, hosts } = inputs;
  const uploads = uploadsOf(attempts, sinceMs);
  const heard = new Map(hosts.heard.map((one) => [one.summary.host, one]));
  const moved = movedOf(inputs);
  const taken = [...past].filter(([, { takenMs }]) => takenMs !== null).map(([host]) => host);
  const named = [
    ...seen.keys(),
    ...taken,
    ...uploads.keys(),
    ...heard.keys(),
    ...moved.keys(),
    ...(hosts.usedTwice?.keys() ?? []),
  ];
  // An index may hold anything; `*` and `@` have a meaning of their own.
  const facts = [...new Set(named.filter(isName))].map((host): [string, Facts] => {
    const own = seen.get(host)?.own ?? null;
    const known = { own: own === null ? null : own.micros / 1000, uploads: uploads.get(host) ?? NO_UPLOADS };
    const { summary = null, checks = [] } = heard.get(host) ?? {};
    const movedMs = moved.get(host) ?? null;
    const duplicate = duplicateNow(host, hosts.senders.get(host), inputs.nowMs);
    const usedTwice = hosts.usedTwice?.get(host) ?? null;
    return [host, factOf(inputs, { host, movedMs, heartbeat: summary, checks, duplicate, usedTwice }, known)];
  });
  return new Map(facts);
}

function factOf(
  inputs: Inputs,
  parts: Pick<Facts, "host" | "movedMs" | "heartbeat" | "checks" | "duplicate" | "usedTwice">,
  { own, uploads }: { own: number | null; uploads: Uploads },
): Facts {
  const { nowMs, lastRunMs, past, elapsedMs, isDoubtful } = inputs;
  const { host } = parts;
  const before = past.get(host) ?? null;
  const signs = [own, before?.takenMs ?? null, uploads.takenMs].filter((sign) => sign !== null);
  const between = { nowMs, elapsedMs };
  const marks = {
    own: markOf(before?.marks?.own ?? null, own, between),
    taken: markOf(before?.marks?.taken ?? null, uploads.takenMs, between),
    beat: markOf(before?.marks?.beat ?? null, receivedOf(parts.heartbeat), between),
  };
  const newestMs = signs.length === 0 ? null : Math.max(...signs);
  const ages = [marks.own, marks.taken].flatMap((mark) => mark?.ageMs ?? []);
  const shippedAgeMs = newestMs !== null && ages.length > 0 && isDoubtful(newestMs) ? Math.min(...ages) : null;
  const shippedMs = shippedAgeMs === null ? newestMs : nowMs - shippedAgeMs;
  const { heartbeat, heardAgeMs } = dated(parts.heartbeat, marks.beat, inputs);
  const queue = isFresh(heartbeat) ? heartbeat.queue : null;
  const signMs = newest(signsOf({ ...parts, heartbeat, shippedMs }, nowMs).filter((sign) => !isAhead(sign, nowMs)));
  return {
    ...parts,
    ...{ heartbeat, shippedMs, shippedAgeMs, heardAgeMs, uploads },
    past: pastOf(before, { nowMs, lastRunMs, uploads, queue, signMs, isHeard: isFresh(heartbeat), marks, elapsedMs }),
  };
}

/** A heartbeat of which nobody knows when it came is as old as the runs have seen it. */
function dated(
  heartbeat: HostSummary | null,
  mark: Mark | null,
  { nowMs, isDoubtful }: Inputs,
): Pick<Facts, "heartbeat" | "heardAgeMs"> {
  const receivedMs = receivedOf(heartbeat);
  if (heartbeat === null || receivedMs === null || mark === null || !isDoubtful(receivedMs))
    return { heartbeat, heardAgeMs: null };
  const { ageMs } = mark;
  const ageS = Math.round(ageMs / 1000);
  const stale = ageS > (heartbeat.late_after_s ?? 0);
  return {
    heartbeat: { ...heartbeat, received_at_wall: isoWall(nowMs - ageMs), age_s: ageS, stale },
    heardAgeMs: ageMs,
  };
}

function movedOf({ hosts, nowMs }: Inputs): Map<string, number> {
  const moved = hosts.known.hosts.map(({ host, moved_at }) => [host, Date.parse(moved_at ?? "")] as const);
  return new Map(moved.filter(([, ms]) => Math.abs(nowMs - ms) <= MOVING_MS));
}

function duplicateNow(host: string, senders: Senders | undefined, nowMs: number): Facts["duplicate"] {
  const found = senders === undefined ? null : duplicateOf(host, senders, nowMs);
  return found === null || senders === undefined ? null : { found, lastMs: senders.evidenceMs ?? 0 };
}

/** Whether a heartbeat says how the host is now. */
export function isFresh(beat: HostSummary | null): beat is HostSummary & { age_s: number } {
  return beat !== null && !beat.stale && beat.age_s !== null;
}

/** What the file of its newest heartbeat says; null: there is none, or it cannot be read. */
function receivedOf(heartbeat: HostSummary | null): number | null {
  const receivedMs = Date.parse(heartbeat?.received_at_wall ?? "");
  return Number.isFinite(receivedMs) ? receivedMs : null;
}

/** When its newest heartbeat came, which may be of a time that has yet to come; null: none did. */
export function heardOf(beat: HostSummary | null, nowMs: number): number | null {
  if (beat === null || beat.age_s === null) return null;
  const receivedMs = Date.parse(beat.received_at_wall ?? "");
  return isAhead(receivedMs, nowMs) ? receivedMs : nowMs - beat.age_s * 1000;
}

type Signs = Pick<Facts, "shippedMs" | "movedMs" | "heartbeat">;

function signsOf({ shippedMs, movedMs, heartbeat }: Signs, nowMs: number): number[] {
  return [shippedMs, movedMs, heardOf(heartbeat, nowMs)].filter((sign) => sign !== null);
}

/** When anything last came from it; null: nobody knows. Of what has yet to come, since this clock was set back, that is now at the latest. */
export function lastSign(signs: Signs, nowMs: number): number | null {
  const known = signsOf(signs, nowMs);
  return newest(known.filter((sign) => !isAhead(sign, nowMs))) ?? (known.length === 0 ? null : nowMs);
}

function newest(signs: readonly number[]): number | null {
  return signs.length === 0 ? null : Math.max(...signs);
}

/** How much time that counts has passed since then, milliseconds. @param ageMs null: its time tells */
export function quietFor(
  signMs: number,
  ageMs: number | null,
  { coveredMs, coveredOfLastMs }: Pick<Limits, "coveredMs" | "coveredOfLastMs">,
): number {
  return ageMs === null ? coveredMs(signMs) : coveredOfLastMs(ageMs);
}
