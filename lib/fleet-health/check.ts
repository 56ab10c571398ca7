// One run of the health check, in the order that a kill at any step is safe with: alerts, state, history, how it went; what
// somebody asked for is printed last. What was not kept is read and judged once more by the next run; an alert that stands there already is not written again, nor is a row of the history.

import { hostname, uptime } from "node:os";
import type { HealthRun } from "../contract/health-run.ts";
import { isoWall } from "../core/clock.ts";
import { EXIT } from "../core/exit.ts";
import { UserError } from "../core/failure.ts";
import { type Finding, findingText, fixOrNull } from "../core/finding.ts";
import { print } from "../os/answer.ts";
import { failpoint } from "../os/failpoint.ts";
import type { Log } from "../runtime/log/log.ts";
import type { Incident } from "./incidents/incident.ts";
import { fleetSymptom } from "./incidents/policy.ts";
import { type Inputs, readInputs, sizesAtSetBack } from "./inputs.ts";
import { whyHeld } from "./judge/held.ts";
import { pingAddress } from "./notify/address.ts";
import { deliver, mailboxesAway, outgoingOf } from "./notify/delivery/deliver.ts";
import { post } from "./notify/delivery/post.ts";
import { explainPosted, isTaken } from "./notify/delivery/web-failures.ts";
import type { Teller } from "./notify/mailbox.ts";
import { lineOf } from "./notify/words.ts";
import { readOrders } from "./orders/read.ts";
import { isoText } from "./python/python-time.ts";
import type { Alert } from "./reference/alerts.ts";
import { type ReferenceParts, type ReferenceResult, runReference } from "./reference/run.ts";
import { blindRound, judgeHosts, round } from "./round.ts";
import type { FleetHealthConfig } from "./settings.ts";
import type { State } from "./state/state.ts";
import { NOWHERE, openStateDir, type StateDir } from "./state/state-dir.ts";

export interface How {
  /** Microseconds since 1970. */
  nowMicros: number;
  json: boolean;
}

interface Found {
  inputs: Inputs;
  reference: ReferenceResult;
  next: State;
}

/**
 * Looks once. @returns exit code: 0 it looked, 3 what it found could not be kept
 * @throws UserError (exit 2) when the index cannot be read
 */
export async function checkCommand(config: FleetHealthConfig, how: How, log: Log): Promise<number> {
  const { stateDir } = config;
  const beganAt = isoWall(Date.now());
  const dir = stateDir === null ? NOWHERE : await openStateDir(stateDir, how.nowMicros / 1000);
  if (dir === "busy") {
    log.info(`another run is at work in ${stateDir}, and this one leaves it at that`);
    return EXIT.ok;
  }
  for (const doubt of dir.doubts) log.warn(doubt);
  const nowMs = how.nowMicros / 1000;
  let found: Found;
  try {
    found = await look(config, how.nowMicros, dir, log);
  } catch (error) {
    if (error instanceof UserError) {
      await tellBlind(config, nowMs, dir, error, log);
      dir.note(runOf(beganAt, error.exitCode, { what: error.message, fix: error.fix }, null));
      await ping(config, error.exitCode, log);
    }
    throw error;
  }
  sayIncidents(found.next, log);
  const { trouble } = found.reference;
  const store = found.inputs.hosts?.known.store?.id ?? null;
  const troubles = [
    ...(trouble === null ? [] : [trouble]),
    ...(await keepAndTell(config, { nowMs, store }, dir, found.next, log)),
  ];
  const exit = troubles.length === 0 ? EXIT.ok : EXIT.undelivered;
  const unnoted = dir.note(runOf(beganAt, exit, troubles[0] ?? found.inputs.doubts[0] ?? null, found));
  // A disk that is full is why neither was kept.
  const isSaid = troubles.some(({ what }) => what === unnoted?.what);
  for (const trouble of [...troubles, isSaid ? null : unnoted]) if (trouble !== null) log.error(trouble);
  const code = unnoted === null ? exit : EXIT.undelivered;
  await ping(config, code, log);
  // A reader may stall for as long as it likes: by now it holds up nobody.
  dir.release();
  if (how.json) await print(`${JSON.stringify(answerOf(config, how.nowMicros, found))}\n`);
  return code;
}

/** What could not be looked at is told as well, after a run that has left something to go on from. */
async function tellBlind(
  config: FleetHealthConfig,
  nowMs: number,
  dir: StateDir,
  { message, fix }: UserError,
  log: Log,
): Promise<void> {
  if (dir.state === null) return;
  const { orders } = await readOrders(config.stateDir);
  const attemptSizes = await sizesAtSetBack(config, dir.state, nowMs);
  const next = blindRound(dir.state, { what: message, fix }, { nowMs, orders, attemptSizes });
  sayIncidents(next, log);
  for (const trouble of await keepAndTell(config, { nowMs, store: null }, dir, next, log)) log.error(trouble);
}

/** Tells a service elsewhere that somebody looks: when nothing comes any more, it says so. Where nothing is kept nobody is told. */
async function ping({ pingUrl, stateDir }: FleetHealthConfig, exit: number, log: Log): Promise<void> {
  if (pingUrl === null || stateDir === null) return;
  const url = pingAddress(pingUrl, exit === EXIT.ok);
  const posted = await post({ url }, "");
  if (isTaken(posted)) return;
  const { what, fix } = explainPosted(posted, { url, key: "ping_url", caBundle: undefined });
  log.warn({ what: `ping_url was not reached: ${what}`, fix });
}

/**
 * Keeps what the run has found, with all that is to be sent, then sends it, then keeps what was taken. Nothing is sent that is not kept.
 * @returns what could not be kept, or told
 */
async function keepAndTell(
  { channels, stateDir }: FleetHealthConfig,
  { nowMs, store }: { nowMs: number } & Pick<Teller, "store">,
  dir: StateDir,
  next: State,
  log: Log,
): Promise<Finding[]> {
  // Where nothing is kept nobody would know what was told.
  const outgoing = stateDir === null ? [] : outgoingOf(next, channels, nowMs, { collector: hostname(), store });
  // What a kill, or a full disk, has kept out of the history comes before what is new.
  const old = dir.state?.rows ?? [];
  const rows = (await dir.tell(old)) === null ? next.rows : [...old, ...next.rows];
  const away = mailboxesAway(next.mailboxes, channels, next.rows);
  const kept = { ...next, rows, mailboxes: [...outgoing.map(({ mailbox }) => mailbox), ...away] };
  const unkept = dir.save(kept);
  failpoint("fleet-health.saved");
  if (unkept !== null) return [unkept];
  const untold = await dir.tell(rows);
  const { mailboxes, failures, remarks } = await deliver(outgoing, nowMs);
  failpoint("fleet-health.sent");
  for (const remark of remarks) log.warn(remark);
  const isMarked = mailboxes.some((mailbox, i) => mailbox !== outgoing[i]?.mailbox);
  const unmarked = isMarked ? dir.save({ ...kept, mailboxes: [...mailboxes, ...away] }) : null;
  return [untold, ...failures, unmarked].filter((trouble) => trouble !== null);
}

/** A run takes no longer until it looks. */
const MOMENT_MS = 60_000;

async function look(config: FleetHealthConfig, nowMicros: number, dir: StateDir, log: Log): Promise<Found> {
  const inputs = await readInputs(config, nowMicros, dir.state, log);
  for (const doubt of inputs.doubts) log.warn(doubt);
  const { alertsPath, thresholds, recentWindowMin, journalUnit } = config;
  // As of another time this machine's own start says nothing.
  const isNow = Math.abs(Date.now() - nowMicros / 1000) < MOMENT_MS;
  const read = {
    ...{ ...inputs, nowMs: nowMicros / 1000, lastSequence: dir.lastSequence },
    ...(isNow && { upMs: uptime() * 1000 }),
  };
  const judgement = judgeHosts(config, dir.state, read);
  const next = round(config, dir.state, read, judgement);
  const { silences } = inputs.orders;
  const ofHost = Map.groupBy(next.watch.incidents, ({ host }) => host);
  const heldBy = (alert: Alert): string | null => whyHeld(alert, ofHost.get(alert.host) ?? [], silences, judgement);
  const fleet = journalUnit === null ? "labfleet" : "python";
  const firing = dir.isUnread === true ? null : firingOf(next.watch.incidents);
  const parts: ReferenceParts = { alertsPath, thresholds, recentWindowMin, nowMicros, fleet, heldBy, firing };
  const reference = await runReference(parts, inputs.index, inputs.refusals, log);
  failpoint("fleet-health.alerted");
  return { inputs, reference, next };
}

/** How many fire, or did a moment ago: what could not be read is one of them, and so are many that are told together. */
function firingOf(incidents: readonly Incident[]): number {
  const isFiring = ({ phase, heldBy, symptom }: Incident): boolean =>
    (phase === "firing" || phase === "recovering") && heldBy !== fleetSymptom(symptom) && heldBy !== symptom;
  return incidents.filter(isFiring).length;
}

/** Beside the alerts: what begins and ends by our own judgement, as channels are told it. */
function sayIncidents({ rows }: State, log: Log): void {
  for (const row of rows) {
    if (!row.told) continue;
    if (row.change === "firing" || row.change === "growing") log.warn(lineOf(row));
    else log.info(lineOf(row));
  }
}

function runOf(beganAt: string, exit: number, problem: Finding | null, found: Found | null): HealthRun {
  return {
    began_at: beganAt,
    ended_at: isoWall(Date.now()),
    exit,
    problem: problem?.what ?? null,
    fix: fixOrNull(problem?.fix ?? null, "collector"),
    hosts: found?.reference.hosts ?? 0,
    rows: found?.inputs.index.rows ?? 0,
    bad_rows: found?.inputs.index.bad ?? 0,
    new_alerts: found?.reference.fresh.length ?? 0,
  };
}

/** What `--json` prints. */
function answerOf({ indexPath }: FleetHealthConfig, nowMicros: number, { inputs, reference, next }: Found) {
  const { how, rows, bad } = inputs.index;
  return {
    at: isoText(nowMicros),
    index: { path: indexPath, read: how, rows, bad_rows: bad },
    hosts: reference.hosts,
    alerts: reference.fresh.map(({ host, symptom, detail, suggestedFix, detectedAt, heldBy }) => ({
      ...{ host, symptom, detail, suggested_fix: suggestedFix, detected_at_wall: detectedAt, held_by: heldBy },
    })),
    incidents: next.rows.filter(({ told }) => told),
    no_data: inputs.doubts.map((doubt) => findingText(doubt, "collector")),
  };
}
