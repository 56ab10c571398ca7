// A notice as people read it. Pure.

import type { IncidentRow } from "../../contract/incident-row.ts";
import { readFix } from "../../contract/said.ts";
import { shortTime } from "../../core/clock.ts";
import { findingText, fixText, here } from "../../core/finding.ts";
import { printable } from "../../core/text/printable.ts";
import { counted, formatSeconds } from "../../core/text/quantity.ts";
import { COLLECTOR, MANY } from "../incidents/incident.ts";
import { INCIDENT_POLICY, isByCause, isOfCheck, severityOf } from "../incidents/policy.ts";
import type { Notice } from "./mailbox.ts";

/** Names of so many hosts are said. */
const NAMES = 20;

/** A title has so many. */
const TITLE_NAMES = 3;

/** What wants somebody comes first. */
const FIRST = ["firing", "growing"];

/** `lab7: silent`, or how many of what, and of whom. */
export function title(notice: Pick<Notice, "rows" | "collector">): string {
  return printable(titleOf(notice));
}

function titleOf({ rows, collector }: Pick<Notice, "rows" | "collector">): string {
  const who = (row: IncidentRow): string =>
    row.host === COLLECTOR && collector !== undefined ? `collector ${collector}` : whose(row);
  const [only, ...others] = rows;
  if (only !== undefined && others.length === 0) {
    const of = only.host === MANY ? `: ${firstNames(only.of ?? only.hosts)}` : "";
    return `${who(only)}: ${symptomOf(only)}${checkOf(only)}${changeOf(only)}${of}`;
  }
  const rank = ({ change }: IncidentRow): number => (FIRST.includes(change) ? FIRST.indexOf(change) : FIRST.length);
  const sorted = rows.toSorted((a, b) => rank(a) - rank(b));
  const counts = Map.groupBy(sorted, ({ change }) => change);
  const whom = sorted.flatMap((row) => (row.host === MANY ? (row.of ?? row.hosts) : [who(row)]));
  return `${[...counts].map(([change, some]) => `${some.length} ${change}`).join(", ")}: ${firstNames(whom)}`;
}

/** How it is with what has begun, or was told once, its name says. */
function changeOf({ symptom, change }: IncidentRow): string {
  return ["firing", "noted", symptom].includes(change) ? "" : ` ${change}`;
}

function firstNames(hosts: readonly string[]): string {
  const all = [...new Set(hosts)];
  const more = all.length > TITLE_NAMES ? ` and ${all.length - TITLE_NAMES} more` : "";
  return `${all.slice(0, TITLE_NAMES).join(", ")}${more}`;
}

/** The same among other mail. */
export function subject(notice: Pick<Notice, "rows" | "collector">): string {
  return `[labfleet] ${title(notice)}`;
}

/** A line for each, and one of what is not among them. */
function linesOf({ rows, dropped = 0 }: Pick<Notice, "rows" | "dropped">): string[] {
  const rest = `and ${counted(dropped, "other incident")} ${dropped === 1 ? "was" : "were"} over before this could be told`;
  return [...rows.map(lineOf), ...(dropped === 0 ? [] : [rest])];
}

/** Of what is missing so much is said, bytes. */
const REST_BYTES = 64;

function restOf(count: number): string {
  return fixText({ text: `and ${count} more`, commands: [here("sudo", "fleet-health", "status")] }, "collector");
}

/**
 * The same as a text.
 * @param maxBytes of UTF-8: where it is longer it ends with how much is missing
 * @param write a line as its reader takes it
 */
export function body(
  notice: Pick<Notice, "rows" | "dropped">,
  maxBytes = Number.POSITIVE_INFINITY,
  write: (line: string) => string = (line) => line,
): string {
  const lines = linesOf(notice).map(write);
  const whole = lines.join("\n");
  if (Buffer.byteLength(whole) <= maxBytes) return whole;
  let bytes = REST_BYTES;
  const shown = lines.findIndex((line) => {
    bytes += Buffer.byteLength(line) + 1;
    return bytes > maxBytes;
  });
  return [...lines.slice(0, shown), restOf(lines.length - shown)].join("\n");
}

/** What began with its remedy, what is over with how long it was. What a host says begins no line of its own. */
export function lineOf(row: IncidentRow): string {
  return printable(textOf(row));
}

function textOf(row: IncidentRow): string {
  const { change, what, fix, since, fired_at, at, flapping } = row;
  const began = row.began ?? since;
  const symptom = symptomOf(row);
  if (change === "firing" || change === "growing") {
    const told = findingText({
      what: `${flapping ? COMES_AND_GOES : ""}${what}${names(row)}`,
      fix: readFix(fix),
    });
    return `${change.toUpperCase()} ${whose(row)}: ${symptom}${checkOf(row)} since ${shortTime(began)} UTC: ${told}`;
  }
  const seconds = Math.round((Date.parse(at) - Date.parse(began)) / 1000);
  const steady = flapping && change === "recovered" ? `: steady for ${formatSeconds(STEADY_S)}` : "";
  const long = fired_at === null ? `: ${what}` : ` after ${formatSeconds(Math.max(0, seconds))}${steady}`;
  // What comes once is its own change.
  return `${change.toUpperCase()} ${whose(row)}${symptom === change ? "" : `: ${symptom}`}${causeOf(row)}${long}`;
}

export function symptomOf({ symptom, flapping }: Pick<IncidentRow, "symptom" | "flapping">): string {
  return flapping ? `${symptom}, flapping` : symptom;
}

/** Which check it is. */
export function checkOf({ symptom, cause }: Pick<IncidentRow, "symptom" | "cause">): string {
  return isOfCheck(symptom) && cause !== "" ? ` (${cause})` : "";
}

/** Which of several is over. */
function causeOf({ symptom, cause }: IncidentRow): string {
  return isByCause(symptom) && cause !== "" ? ` (${cause})` : "";
}

export const COMES_AND_GOES = "it comes and goes; ";

const STEADY_S = INCIDENT_POLICY.steadyMs / 1000;

export function whose({ host, hosts }: Pick<IncidentRow, "host" | "hosts">): string {
  if (host === COLLECTOR) return "this collector";
  return host === MANY ? counted(hosts.length, "host") : host;
}

/** Of many: who belongs to it. */
export function names({ hosts, of }: Pick<IncidentRow, "hosts" | "of">): string {
  if (of !== undefined) return `; new: ${listed(of)}`;
  return hosts.length === 0 ? "" : `, as each of ${listed(hosts)}`;
}

function listed(hosts: readonly string[]): string {
  const more = hosts.length > NAMES ? `, and ${hosts.length - NAMES} more` : "";
  return `${hosts.slice(0, NAMES).join(", ")}${more}`;
}

/** The same for programs: the notice's id is the same for each try. */
export function document(notice: Notice) {
  const items = notice.rows.map((row) => ({ ...row, severity: severityOf(row) }));
  const { id, collector = null } = notice;
  return { id, collector, title: title(notice), text: body(notice), items };
}
