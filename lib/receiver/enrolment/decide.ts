// Whether a code gives a host its token. A code is good once, for one hash: whoever sends the same again has not heard the answer, and
// whoever sends another is somebody else. Pure: times are arguments, in milliseconds since 1970.

import type { EnrolRequest } from "../../contract/enrolment.ts";
import type { Code } from "../../contract/enrolment-code.ts";
import { OPERATOR } from "../../contract/names.ts";
import { isoWall } from "../../core/clock.ts";
import { type Refusal, refuse } from "../decide.ts";

/** So far may the clock have been set back since a code was made. */
const BACK_MS = 5 * 60_000;

/** A code from the future was made under a clock that was wrong: for how long it would be good nobody knows. */
export function isOver({ made_at, until }: Code, nowMs: number): boolean {
  return nowMs >= Date.parse(until) || nowMs < Date.parse(made_at) - BACK_MS;
}

/** For so long it is told that two machines have one. */
const TOLD_MS = 24 * 3_600_000;

/** Whether its file is of no more use. A clock that was set back keeps none for ever. */
export function isPast(code: Code, nowMs: number): boolean {
  const isTold = code.again !== undefined && Math.abs(nowMs - Date.parse(code.again.at)) < TOLD_MS;
  return isOver(code, nowMs) && !isTold;
}

/** What is known of names. */
export interface Names {
  /** Hosts that there are: they have a token, episodes or a heartbeat. */
  hosts: readonly string[];
  /** The collector's own, such as the names in its certificate. */
  own: readonly string[];
}

/** What is to be done: `known`: all of it was done before. */
export interface Enrolling {
  kind: "enrol" | "known";
  /** The tokens so far are no longer valid. */
  replaces: boolean;
}

/**
 * @param code the one that was sent; null: there is none, or no longer
 */
export function decideEnrolment(
  code: Code | null,
  { host_id: host, token_sha256 }: Pick<EnrolRequest, "host_id" | "token_sha256">,
  nowMs: number,
  names: Names,
): Enrolling | Refusal {
  if (code === null || isOver(code, nowMs))
    return refuse("code-unknown", "this code is none that is valid: it was never made, or its time is over");
  if (code.used !== null) {
    if (code.used.host === host && code.used.token_sha256 === token_sha256)
      return { kind: "known", replaces: code.replaces };
    return refuse("code-used", `this code was used by another one at ${code.used.at}`);
  }
  if (code.host !== null && code.host !== host) return refuse("wrong-host", "this code is another host's");
  if (host.toLowerCase() === OPERATOR || isAmong(names.own, host))
    return refuse("reserved-name", `${host} is no lab host's name here`);
  // One that is its very name, and no other that differs in case only: on some disks the two would be one.
  if (isAmong(names.hosts, host) && !(code.replaces && names.hosts.includes(host)))
    return refuse("host-exists", `${host} is a host already`);
  return { kind: "enrol", replaces: code.replaces };
}

function isAmong(names: readonly string[], host: string): boolean {
  const folded = host.toLowerCase();
  return names.some((name) => name.toLowerCase() === folded);
}

/** The code once it is used. */
export function usedBy(
  code: Code,
  { host_id: host, token_sha256 }: Pick<EnrolRequest, "host_id" | "token_sha256">,
  nowMs: number,
): Code {
  return { ...code, used: { host, token_sha256, at: isoWall(nowMs) } };
}
