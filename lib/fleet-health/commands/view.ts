// How the fleet stands, for people and programs: the incidents as the last run left them, beside what the heartbeats say now. Pure.

import type { HealthRun } from "../../contract/health-run.ts";
import { readFix } from "../../contract/said.ts";
import { isoWall } from "../../core/clock.ts";
import { type Finding, findingText } from "../../core/finding.ts";
import { columns } from "../../core/text/columns.ts";
import { counted, formatSeconds } from "../../core/text/quantity.ts";
import { COLLECTOR, type Incident, MANY } from "../incidents/incident.ts";
import { graverCauses, isFleetSymptom, rankOf } from "../incidents/policy.ts";
import { type Facts, isFresh, lastSign } from "../judge/facts.ts";
import type { Failure, Mailbox } from "../notify/mailbox.ts";
import { checkOf } from "../notify/words.ts";

export interface Standing {
  nowMs: number;
  /** How the last run went; null: not known. */
  run: HealthRun | null;
  incidents: readonly Incident[];
  facts: readonly Facts[];
  /** After so long without an upload a host that has nothing to ship is idle, milliseconds. */
  idleAfterMs: (host: string) => number;
  /** Hosts that are watched no more, and why. */
  gone: ReadonlyMap<string, string>;
  strangers: readonly Stranger[];
  mailboxes: readonly Mailbox[];
}

/** A channel that was not told, as the last try went. */
interface Untold extends Failure {
  channel: string;
  /** Tries that have failed, one after another. */
  failures: number;
}

/** A host that is named in the configuration, and of whom nothing is known. */
export interface Stranger {
  name: string;
  where: string;
  /** Who may be meant; null: nobody comes near. */
  meant: string | null;
}

export interface FleetStatus {
  /** When this is: hosts are as of now, incidents as of the last run. */
  at: string;
  /** How the last run went, whose incidents these are. */
  run: HealthRun | null;
  incidents: ShownIncident[];
  hosts: ShownHost[];
  strangers: readonly Stranger[];
  untold: readonly Untold[];
}

interface ShownIncident {
  host: string;
  hosts: readonly string[];
  symptom: string;
  cause: string;
  state: Incident["phase"];
  flapping: boolean;
  since: string;
  fired_at: string | null;
  told: boolean;
  held_by: string | null;
  no_data: boolean;
  what: string;
  fix: string | null;
}

interface ShownHost {
  host: string;
  /** When anything last came from it; null: nobody knows. */
  last_sign_of_life: string | null;
  /** Its heartbeat is late. */
  late: boolean;
  to_ship: number | null;
  /** `ok`, `idle` (it has nothing to ship), the symptoms that it has as of the last run, `never` of one that has a token and never came, or why it is watched no more. */
  state: string;
  /** What the receiver's list says of it now; null: nothing is wrong. */
  now: string | null;
}

/** What fires first, then what may be over or begin; of one kind the worst, and of that what many have, and then the oldest. */
const ORDER: readonly Incident["phase"][] = ["firing", "recovering", "pending", "steady"];

export function fleetStatus(standing: Standing): FleetStatus {
  const { nowMs, run, incidents, facts, idleAfterMs, gone, strangers, mailboxes } = standing;
  const sorted = [...incidents].sort(
    (a, b) =>
      ORDER.indexOf(a.phase) - ORDER.indexOf(b.phase) ||
      rankOf(a) - rankOf(b) ||
      Number(b.host === MANY) - Number(a.host === MANY) ||
      a.sinceMs - b.sinceMs ||
      (a.host < b.host ? -1 : 1),
  );
  const ill = Map.groupBy(incidents, ({ host }) => host);
  const hosts = facts.map((one): ShownHost => {
    const lastMs = lastSign(one, nowMs);
    const symptoms = [...new Set((ill.get(one.host) ?? []).map(({ symptom }) => symptom))];
    return {
      host: one.host,
      last_sign_of_life: lastMs === null ? null : isoWall(lastMs),
      late: one.heartbeat?.stale ?? false,
      to_ship: one.heartbeat?.queue?.pending ?? null,
      state: stateOf(gone.get(one.host), lastMs, symptoms, isIdle(one, idleAfterMs(one.host), nowMs)),
      now: lineOrNull(one.heartbeat?.problem ?? null),
    };
  });
  return {
    at: isoWall(nowMs),
    run,
    incidents: sorted.map(shownIncident),
    hosts: hosts.sort((a, b) => (a.host < b.host ? -1 : 1)),
    strangers,
    untold: mailboxes.flatMap(({ channel, failures, lastFailure }) =>
      lastFailure === undefined ? [] : { channel, failures, ...lastFailure },
    ),
  };
}

function stateOf(gone: string | undefined, lastMs: number | null, symptoms: readonly string[], idle: boolean): string {
  if (lastMs === null && gone !== "retired") return "never";
  return gone ?? (symptoms.length > 0 ? symptoms.join(", ") : idle ? "idle" : "ok");
}

/** It is there, has nothing to ship, and has shipped nothing for as long as would be a silence. */
function isIdle({ heartbeat, shippedMs, movedMs }: Facts, idleAfterMs: number, nowMs: number): boolean {
  if (!isFresh(heartbeat) || heartbeat.queue?.pending !== 0 || movedMs !== null) return false;
  return shippedMs === null || nowMs - shippedMs > idleAfterMs;
}

function lineOrNull(problem: Finding | null): string | null {
  return problem === null ? null : findingText(problem, "collector");
}

function shownIncident(incident: Incident): ShownIncident {
  const { host, hosts, symptom, cause, phase, what, fix, flappingMs, firedMs } = incident;
  return {
    ...{ host, hosts, symptom, cause, state: phase, flapping: flappingMs !== null },
    since: isoWall(incident.beganMs ?? incident.sinceMs),
    ...{ fired_at: firedMs === null ? null : isoWall(firedMs), told: incident.isTold, held_by: incident.heldBy },
    ...{ no_data: incident.hasNoData, what, fix },
  };
}

const WELL: readonly string[] = ["ok", "idle"];
const AWAY: readonly string[] = ["retired", "expired"];

const HEAD = ["HOST", "SYMPTOM", "STATE", "FOR", "LAST SIGN", "TO SHIP", "WHAT IS WRONG"];

/** The same for people. @param all also the hosts that are well, and each of many, by their names */
export function renderStatus(status: FleetStatus, all: boolean): string {
  const { incidents, hosts } = status;
  const nowMs = Date.parse(status.at);
  const signs = new Map(hosts.map((one) => [one.host, one]));
  const told = incidents.filter((one) => all || !isSaidElse(one, incidents));
  const well = hosts.filter(({ state }) => WELL.includes(state));
  const never = hosts.filter(({ state }) => state === "never");
  const away = hosts.filter(({ state }) => AWAY.includes(state));
  const shown = [...well.filter(({ late }) => all || late), ...never, ...(all ? away : [])];
  const rows = [
    ...told.map((one) => incidentCells(one, signs.get(one.host), nowMs)),
    ...shown.map((one) => hostCells(one, nowMs)),
  ];
  const table = rows.length === 0 ? [] : columns([HEAD, ...rows]);
  const rest = well.filter((one) => !shown.includes(one)).length;
  const count = [
    ...(rest === 0 ? [] : [`${counted(rest, "host")} ${rest === 1 ? "is" : "are"} well`]),
    ...(all || away.length === 0
      ? []
      : [`${counted(away.length, "host")} ${away.length === 1 ? "is" : "are"} watched no more (--all)`]),
  ];
  const strange = status.strangers.map(strangerText);
  const untold = status.untold.map(untoldText);
  return `${[runText(status, nowMs), ...untold, ...table, ...count, ...strange].join("\n")}\n`;
}

/** Of many that are told together one line says it, and of a check the worst. */
function isSaidElse(one: ShownIncident, all: readonly ShownIncident[]): boolean {
  if (one.held_by !== null && isFleetSymptom(one.held_by)) return true;
  const graver = one.host === MANY ? [] : graverCauses(one);
  const isWorse = ({ host, symptom, cause, state }: ShownIncident): boolean =>
    host === one.host && symptom === one.symptom && graver.includes(cause) && state !== "pending" && state !== "steady";
  return all.some(isWorse);
}

function incidentCells(one: ShownIncident, sign: ShownHost | undefined, nowMs: number): string[] {
  const { host, hosts, symptom, state, flapping, since, held_by, no_data, what, fix } = one;
  const isOfOne = host !== MANY && host !== COLLECTOR;
  return [
    host === MANY ? counted(hosts.length, "host") : host === COLLECTOR ? "(collector)" : host,
    `${symptom}${checkOf(one)}`,
    `${state}${flapping ? ", flapping" : ""}${held_by === null ? "" : `, held: ${held_by}`}${no_data ? ", no data" : ""}`,
    ago(since, nowMs),
    isOfOne ? ago(sign?.last_sign_of_life ?? null, nowMs) : "",
    isOfOne ? queueText(sign) : "",
    findingText({ what, fix: readFix(fix) }),
  ];
}

function hostCells(one: ShownHost, nowMs: number): string[] {
  const { host, late, state, last_sign_of_life, now } = one;
  const isWell = WELL.includes(state);
  const shown = late && isWell ? "late" : state;
  const what = state === "never" || isWell ? (now ?? "") : "";
  return [host, "", shown, "", ago(last_sign_of_life, nowMs), queueText(one), what];
}

function ago(iso: string | null, nowMs: number): string {
  return iso === null ? "never" : formatSeconds(Math.max(0, Math.round((nowMs - Date.parse(iso)) / 1000)));
}

/** As its last heartbeat has it; `?`: none has said it. */
function queueText(sign: ShownHost | undefined): string {
  return sign === undefined || sign.to_ship === null ? "?" : String(sign.to_ship);
}

function strangerText({ name, where, meant }: Stranger): string {
  return `${where} names ${name}, and nothing is known of it${meant === null ? "" : `; did you mean ${meant}?`}`;
}

function untoldText({ channel, failures, what, fix }: Untold): string {
  const times = failures === 1 ? "" : ` ${failures} times`;
  return `${channel} was not told${times}: ${findingText({ what, fix: readFix(fix) })}`;
}

function runText({ run }: FleetStatus, nowMs: number): string {
  if (run === null) return "how the last run went is not known";
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(run.ended_at)) / 1000));
  const problem = run.problem === null ? "" : `; ${findingText({ what: run.problem, fix: readFix(run.fix) })}`;
  return `hosts as of now, incidents as of the run ${formatSeconds(seconds)} ago${problem}`;
}
