// What an Alertmanager is told: no news, but all that stands, with each run anew. It groups, mutes, repeats and resolves by itself. Pure.

import type { IncidentRow } from "../../contract/incident-row.ts";
import { readFix } from "../../contract/said.ts";
import { isoWall } from "../../core/clock.ts";
import { fixOrNull } from "../../core/finding.ts";
import { hasFields, isText, parseShaped } from "../../core/text/shape.ts";
import { COLLECTOR, type Incident, MANY } from "../incidents/incident.ts";
import { isByCause, severityOf } from "../incidents/policy.ts";
import type { Watch } from "../incidents/watch.ts";
import { type Channel, wants } from "./channel.ts";
import { emptyMailbox, type Failure, isEnd, type Mailbox } from "./mailbox.ts";
import { COMES_AND_GOES, checkOf, names, symptomOf, title, whose } from "./words.ts";

/** By them alone an alert is known again: no number and no text that may change stands in them. */
export type Labels = Readonly<Record<string, string>>;

export interface Alert {
  labels: Labels;
  annotations: Readonly<Record<string, string>>;
  /**
   * There is no `startsAt`: beside one that overlaps, an end by a clock that is ahead of Alertmanager's would not count until the old
   * `endsAt` has passed. Without, the newest post replaces the one before.
   */
  endsAt: string;
}

export interface Standing {
  alerts: readonly Alert[];
  /** Keys of those among them that are over: none is forgotten before it was taken. */
  ends: ReadonlySet<string>;
}

/** What a run leaves behind. */
export interface Left {
  rows: readonly IncidentRow[];
  watch: Pick<Watch, "incidents" | "runsMs">;
}

/** An alert lasts for as many runs as may fail in a row, and never less than this, milliseconds. */
const RUNS = 4;
const LEAST_MS = 3_600_000;

/**
 * What is to be posted now: the watchdog, all incidents that were told and are not over, and those that are. The mailbox that is to be
 * kept before it is: in it is `open` whatever may have been given to it, since a kill may come after. Of what was given and is not
 * known here any more, as after a lost state, Alertmanager sees the end by itself: its `endsAt` passes within the hour.
 */
export function standingOf(
  before: Mailbox,
  channel: Channel,
  { rows, watch }: Left,
  { nowMs, collector }: { nowMs: number; collector: string },
): { mailbox: Mailbox; standing: Standing } {
  const endsAt = isoWall(nowMs + lastsMs(watch.runsMs));
  const told = watch.incidents.filter((incident) => incident.isTold && wants(channel, incident));
  const alerts = told.map((incident) => ({
    labels: labelsOf(incident, collector),
    annotations: annotationsOf(incident),
    endsAt,
  }));
  const firing = new Set(alerts.map(keyOf));
  const over = before.open.filter((key) => !firing.has(key) && readKey(key) !== null);
  const endRows = new Map(rows.filter(isEnd).map((row) => [keyOf({ labels: labelsOf(row, collector) }), row]));
  const ends = over.map((key) => {
    const labels = readKey(key) ?? {};
    return { labels, annotations: endAnnotations(labels, endRows.get(key)), endsAt: isoWall(nowMs) };
  });
  return {
    mailbox: { ...failedSoFar(before), open: [...firing, ...over] },
    standing: { alerts: [watchdog(collector, endsAt), ...alerts, ...ends], ends: new Set(over) },
  };
}

/** How often it has failed. Where something waits it was of another type, and of that nothing stays. */
function failedSoFar({ channel, waiting, notice, failures, lastFailure }: Mailbox): Mailbox {
  const isOther = waiting.length > 0 || notice !== null;
  if (isOther || lastFailure === undefined) return emptyMailbox(channel);
  return { ...emptyMailbox(channel), failures, lastFailure };
}

/**
 * @param done keys of what was taken, or refused for what it is: it is no use to post that again
 * @param why not all was taken; null: it was
 * @returns the same mailbox where there is nothing to mark
 */
export function settleStanding(
  mailbox: Mailbox,
  { ends }: Standing,
  done: ReadonlySet<string>,
  why: Failure | null,
): Mailbox {
  const { lastFailure: _, ...rest } = mailbox;
  const open = mailbox.open.filter((key) => !ends.has(key) || !done.has(key));
  if (why === null && mailbox.failures === 0 && open.length === mailbox.open.length) return mailbox;
  if (why === null) return { ...rest, open, failures: 0 };
  return { ...rest, open, failures: mailbox.failures + 1, lastFailure: why };
}

/** By the shortest time between the last runs: one of them may be an outage, and then nobody hears for long that this one has ended. */
export function lastsMs(runsMs: readonly number[]): number {
  const gaps = runsMs.slice(1).map((ms, i) => (runsMs[i] ?? ms) - ms);
  const real = gaps.filter((gap) => gap > 0);
  return real.length === 0 ? LEAST_MS : Math.max(LEAST_MS, RUNS * Math.min(...real));
}

/** As an incident is known again: a host's by its symptom, and of two of many, or of what it has several of, the cause differs and stays. */
function labelsOf({ host, symptom, cause }: Pick<Incident, "host" | "symptom" | "cause">, collector: string): Labels {
  return {
    alertname: `labfleet_${symptom.replaceAll("-", "_")}`,
    ...(host !== MANY && host !== COLLECTOR && { host }),
    ...((host === MANY || isByCause(symptom)) && cause !== "" && { cause }),
    severity: severityOf({ symptom, cause }),
    collector,
  };
}

function annotationsOf(incident: Incident): Alert["annotations"] {
  const { symptom, what, fix, beganMs, sinceMs, flappingMs } = incident;
  const flapping = flappingMs !== null;
  const mends = fixOrNull(readFix(fix));
  return {
    summary: `${whose(incident)}: ${symptomOf({ symptom, flapping })}${checkOf(incident)}`,
    what: `${flapping ? COMES_AND_GOES : ""}${what}${names(incident)}`,
    ...(mends !== null && { fix: mends }),
    since: isoWall(beganMs ?? sinceMs),
  };
}

/** Alertmanager shows those of an end for the whole alert. */
function endAnnotations({ alertname = "", host = "" }: Labels, row: IncidentRow | undefined): Alert["annotations"] {
  if (row === undefined) return { summary: `${host === "" ? "" : `${host}: `}${alertname} is over` };
  return { summary: title({ rows: [row] }), what: row.what, since: row.began ?? row.since };
}

/** Always fires: when it ends nobody looks at the fleet any more, or cannot say so. */
function watchdog(collector: string, endsAt: string): Alert {
  return {
    labels: { alertname: "labfleet_watchdog", collector },
    annotations: {
      summary: `fleet-health runs on ${collector}`,
      what: "this fires always: when it ends fleet-health runs no more, or does not reach this Alertmanager",
    },
    endsAt,
  };
}

/** Fires for a minute, and says that it is a test. */
export function testAlert(collector: string, nowMs: number): Alert {
  return {
    labels: { alertname: "labfleet_test", collector },
    annotations: { summary: "fleet-health notify-test was run: nothing is wrong" },
    endsAt: isoWall(nowMs + 60_000),
  };
}

/** Its labels in one order, as they stand in `open`: an end is posted with those that the beginning had. */
export function keyOf({ labels }: Pick<Alert, "labels">): string {
  return JSON.stringify(labels);
}

const isLabels = hasFields({ alertname: isText, collector: isText });

/** Null: it is of a channel that was of another type. */
function readKey(key: string): Labels | null {
  return parseShaped(key, (value): value is Labels => isLabels(value));
}

/** Below its address, which may end in a slash, have a path of its own, or name the place itself. */
export function alertsUrl(url: URL): URL {
  const place = new URL(url);
  place.pathname = `${url.pathname.replace(/\/+$/, "").replace(/\/api\/v2(\/alerts)?$/, "")}/api/v2/alerts`;
  return place;
}
