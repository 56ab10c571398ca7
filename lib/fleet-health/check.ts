// One run of the health check, in the order that a kill at any step is safe with: alerts, state, how it went. What was not kept is
// read and judged once more by the next run, and an alert that stands there already is not written again.

import type { HealthRun } from "../contract/health-run.ts";
import { isoWall } from "../core/clock.ts";
import { EXIT } from "../core/exit.ts";
import { errorCode, UserError } from "../core/failure.ts";
import { type Finding, findingText, fixOrNull, inWords } from "../core/finding.ts";
import { counted } from "../core/text/quantity.ts";
import { print } from "../os/answer.ts";
import { ourName } from "../os/process/own-user.ts";
import type { Log } from "../runtime/log/log.ts";
import { explainUnreadable } from "../runtime/unreadable.ts";
import { type IndexReading, readIndex } from "./index/last-seen.ts";
import { isoText } from "./python/python-time.ts";
import { type ReferenceResult, runReference } from "./reference/run.ts";
import type { FleetHealthConfig } from "./settings.ts";
import type { IndexState, State } from "./state/state.ts";
import { NOWHERE, openStateDir } from "./state/state-dir.ts";

export interface How {
  /** Microseconds since 1970. */
  nowMicros: number;
  json: boolean;
}

interface Found {
  index: IndexReading;
  next: State;
  reference: ReferenceResult;
}

/**
 * Looks once. @returns exit code: 0 it looked, 3 what it found could not be kept
 * @throws UserError when the index cannot be read (exit 2), or an alert cannot be written (exit 3)
 */
export async function checkCommand(config: FleetHealthConfig, how: How, log: Log): Promise<number> {
  const { stateDir } = config;
  const beganAt = isoWall(Date.now());
  const dir = stateDir === null ? NOWHERE : await openStateDir(stateDir);
  if (dir === "busy") {
    log.info(`another run is at work in ${stateDir}, and this one leaves it at that`);
    return EXIT.ok;
  }
  if (dir.doubt !== null) log.warn(dir.doubt);
  const ended = (exit: number, problem: Finding | null, found: Found | null): HealthRun => ({
    began_at: beganAt,
    ended_at: isoWall(Date.now()),
    exit,
    problem: problem?.what ?? null,
    fix: fixOrNull(problem?.fix ?? null, "collector"),
    hosts: found?.reference.hosts ?? 0,
    rows: found?.index.rows ?? 0,
    bad_rows: found?.index.bad ?? 0,
    new_alerts: found?.reference.fresh.length ?? 0,
  });
  let found: Found;
  try {
    found = await look(config, how.nowMicros, dir.state, log);
  } catch (error) {
    if (error instanceof UserError) dir.note(ended(error.exitCode, { what: error.message, fix: error.fix }, null));
    throw error;
  }
  if (how.json) await print(`${JSON.stringify(answerOf(config, how.nowMicros, found))}\n`);
  const unkept = dir.save(found.next);
  const exit = unkept === null ? EXIT.ok : EXIT.undelivered;
  const trouble = dir.note(ended(exit, unkept ?? found.reference.blind, found)) ?? unkept;
  if (trouble !== null) log.error(trouble);
  return trouble === null ? EXIT.ok : EXIT.undelivered;
}

async function look(config: FleetHealthConfig, nowMicros: number, before: State | null, log: Log): Promise<Found> {
  const { index, next } = await lookAtIndex(config, nowMicros, before?.index ?? null, log);
  const { alertsPath, attemptsDir, journalUnit, thresholds, recentWindowMin } = config;
  const parts = { alertsPath, attemptsDir, journalUnit, thresholds, recentWindowMin, nowMicros, user: ourName() };
  return { index, next: { index: next }, reference: await runReference(parts, index, log) };
}

async function lookAtIndex(
  { indexPath, thresholds }: FleetHealthConfig,
  nowMicros: number,
  before: IndexState | null,
  log: Log,
): Promise<{ index: IndexReading; next: IndexState }> {
  const cutoffMicros = nowMicros - thresholds.lookbackHours * 3_600e6;
  // What was never read may matter by now: the lookback may have grown.
  const isEnough = before !== null && (before.sinceMicros === null || before.sinceMicros <= cutoffMicros);
  const reading = readIndex({ path: indexPath, before: isEnough ? before : null, cutoffMicros });
  const index = await reading.catch((error: unknown) => {
    throw unreadableIndex(indexPath, error);
  });
  if (index.bad > 0)
    log.warn(`${counted(index.bad, "line")} of ${indexPath} ${index.bad === 1 ? "is no row" : "are no rows"}`);
  const sinceMicros = { onward: before?.sinceMicros ?? null, whole: null, back: cutoffMicros }[index.how];
  return { index, next: { checkpoint: index.checkpoint, seen: index.seen, sinceMicros } };
}

function unreadableIndex(path: string, error: unknown): UserError {
  if (errorCode(error) === null) throw error;
  const { what, fix } = explainUnreadable(path, error, process.env);
  const missing = inWords("start the receiver, mount its disk, or name the index with --index-path");
  return new UserError(`the index ${path} ${what}`, errorCode(error) === "ENOENT" ? missing : fix);
}

/** What `--json` prints. */
function answerOf({ indexPath }: FleetHealthConfig, nowMicros: number, { index, reference }: Found) {
  const { how, rows, bad } = index;
  return {
    at: isoText(nowMicros),
    index: { path: indexPath, read: how, rows, bad_rows: bad },
    hosts: reference.hosts,
    alerts: reference.fresh.map(({ host, symptom, detail, suggestedFix, detectedAt }) => ({
      ...{ host, symptom, detail, suggested_fix: suggestedFix, detected_at_wall: detectedAt },
    })),
    no_data: reference.blind === null ? null : findingText(reference.blind, "collector"),
  };
}
