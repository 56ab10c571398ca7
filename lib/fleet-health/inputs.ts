// What a run reads: the index, what became of uploads, heartbeats, and what a person has said of hosts.

import type { Tick } from "../contract/tick.ts";
import { errorCode, UserError } from "../core/failure.ts";
import { byCommands, type Finding, here, inWords } from "../core/finding.ts";
import { counted } from "../core/text/quantity.ts";
import { isAhead } from "../fleet/judge.ts";
import { ourName } from "../os/process/own-user.ts";
import type { Log } from "../runtime/log/log.ts";
import { explainUnreadable } from "../runtime/unreadable.ts";
import { type NotReady, readNotReady, readTicks } from "./coverage/read.ts";
import { isSetBack, type SetBack, setBacksOf } from "./coverage/set-back.ts";
import type { Hosts } from "./hosts/hosts.ts";
import { readHosts } from "./hosts/read.ts";
import type { Silence } from "./incidents/silence.ts";
import { type IndexReading, readIndex } from "./index/last-seen.ts";
import { type Doubt, isOfRights, readFix } from "./not-read.ts";
import { type Orders, readOrders } from "./orders/read.ts";
import { doubtOf, type Refusals, readRefusals } from "./refusals/read.ts";
import { attemptSizes as sizesOf } from "./refusals/recent.ts";
import type { FleetHealthConfig } from "./settings.ts";
import type { IndexState, State } from "./state/state.ts";

export interface Inputs {
  index: IndexReading & IndexState;
  refusals: Refusals;
  /** Where the clock was set back since the run before: how long the files of the attempts are, by their names. */
  attemptSizes: SetBack["attempts"];
  /** Null: they could not be read. */
  hosts: Hosts | null;
  ticks: readonly Tick[];
  areTicksUnread: boolean;
  /** Why the receiver cannot store; null: it can, or nobody knows. */
  notReady: NotReady | null;
  orders: Orders;
  /** Why not all of it is known. */
  doubts: readonly Doubt[];
}

/** Reads all of it. @throws UserError (exit 2) when the index cannot be read */
export async function readInputs(
  config: FleetHealthConfig,
  nowMicros: number,
  before: State | null,
  log: Log,
): Promise<Inputs> {
  const index = await lookAtIndex(config, nowMicros, before?.index ?? null, log);
  const { attemptsDir, journalUnit, recentWindowMin, stateDir } = config;
  const places = { attemptsDir, journalUnit, user: ourName(), hasStored: index.seen.size > 0 };
  const windowMicros = nowMicros - recentWindowMin * 60e6;
  // What came since the last run counts as a sign of life, however long ago that was.
  const lastMicros = (before?.watch.runsMs[0] ?? 0) * 1000;
  const sinceMicros = journalUnit === null && lastMicros > 0 ? Math.min(windowMicros, lastMicros) : windowMicros;
  const attemptSizes = await sizesAtSetBack(config, before, nowMicros / 1000);
  const read = { nowMs: nowMicros / 1000, attemptSizes };
  const setBacks = setBacksOf(before?.setBacks ?? [], before?.watch.runsMs[0] ?? null, read);
  const refusals = await readRefusals(places, { sinceMicros, nowMicros, setBacks });
  const { hosts, doubts: unreadHosts } = await readHosts(config, nowMicros / 1000, [...index.seen.keys()]);
  const { orders: asWritten, doubts } = await readOrders(stateDir);
  const silences = asWritten.silences.map((one) => begunBy(one, nowMicros / 1000));
  const orders = { silences, retiredMs: withoutFuture(asWritten.retiredMs, before, nowMicros / 1000) };
  const { ticks, doubt: unreadTicks } = await readTicks(config.ticksPath);
  const notReady = await readNotReady(config.runDir, nowMicros / 1000);
  const lost = doubtAbout(config.indexPath, lostHosts(config.indexPath, index.lost));
  const unrefused = doubtAbout(journalUnit === null ? attemptsDir : `the journal of ${journalUnit}`, doubtOf(refusals));
  const found = [lost, unrefused, ...unreadHosts, doubtAbout(config.ticksPath, unreadTicks), ...doubts];
  return {
    ...{ index, refusals, attemptSizes, hosts, orders, notReady, ticks, areTicksUnread: unreadTicks !== null },
    doubts: found.filter((doubt) => doubt !== null),
  };
}

/**
 * How long the files of the attempts are, where the clock was set back since the run before: what is appended from now on came after that.
 * Empty where it was not, or where they cannot be looked at, which is said elsewhere.
 */
export async function sizesAtSetBack(
  { attemptsDir }: Pick<FleetHealthConfig, "attemptsDir">,
  before: State | null,
  nowMs: number,
): Promise<SetBack["attempts"]> {
  if (!isSetBack(before?.watch.runsMs[0] ?? null, nowMs)) return {};
  return await sizesOf(attemptsDir, nowMs).catch((error: unknown) => {
    if (errorCode(error) === null) throw error;
    return {};
  });
}

/**
 * Who was retired at a time that has yet to come was so before this clock was set back: since the run before at the latest, as long as that
 * has held it to be. One that has come back meanwhile is watched.
 */
export function withoutFuture(retired: Orders["retiredMs"], before: State | null, nowMs: number): Orders["retiredMs"] {
  const [lastRunMs = nowMs] = before?.watch.runsMs ?? [];
  const isFirst = before === null || before.watch.runsMs.length === 0 || isAhead(lastRunMs, nowMs);
  const known = [...retired].filter(
    ([host, atMs]) => !isAhead(atMs, nowMs) || isFirst || before.retired.includes(host),
  );
  return new Map(known.map(([host, atMs]) => [host, isAhead(atMs, nowMs) ? Math.min(lastRunMs, nowMs) : atMs]));
}

/** One that was said before this clock was set back holds, for no longer than it was meant to. */
export function begunBy(silence: Silence, nowMs: number): Silence {
  const { fromMs, untilMs } = silence;
  const isMeant = fromMs - nowMs <= untilMs - fromMs;
  return isAhead(fromMs, nowMs) && isMeant ? { ...silence, fromMs: nowMs } : silence;
}

function doubtAbout(about: string, found: Finding | null): Doubt | null {
  return found === null ? null : { ...found, about };
}

async function lookAtIndex(
  { indexPath, thresholds }: FleetHealthConfig,
  nowMicros: number,
  before: IndexState | null,
  log: Log,
): Promise<IndexReading & IndexState> {
  const cutoffMicros = nowMicros - thresholds.lookbackHours * 3_600e6;
  // What was never read may matter by now: the lookback may have grown.
  const isEnough = before !== null && (before.sinceMicros === null || before.sinceMicros <= cutoffMicros);
  const reading = readIndex({ path: indexPath, before: isEnough ? before : null, cutoffMicros, nowMicros });
  const index = await reading.catch((error: unknown) => {
    throw unreadableIndex(indexPath, error);
  });
  if (index.bad > 0)
    log.warn({
      what: `${counted(index.bad, "line")} of ${indexPath} ${index.bad === 1 ? "is no row" : "are no rows"}`,
      fix: byCommands(here("sudo", "receiver", "verify")),
    });
  const sinceMicros = { onward: before?.sinceMicros ?? null, whole: null, back: cutoffMicros }[index.how];
  return { ...index, sinceMicros };
}

/** Hosts may not vanish from an index: then it is another one, or was cut. */
function lostHosts(path: string, lost: readonly string[]): Finding | null {
  const [first] = lost;
  if (first === undefined) return null;
  const others = lost.length === 1 ? "" : ` and ${counted(lost.length - 1, "other host")}`;
  const fix = byCommands(here("sudo", "receiver", "verify"));
  return { what: `${path} has no row of ${first}${others} any more: it was replaced or cut`, fix };
}

function unreadableIndex(path: string, error: unknown): UserError {
  const code = errorCode(error);
  if (code === null) throw error;
  const { what, fix } = explainUnreadable(path, error, process.env);
  const missing = inWords("start the receiver, mount its disk, or name the index with --index-path");
  // It is the receiver's, which writes it: to be let in to read it would not be enough.
  const ours = isOfRights(code) ? readFix(path, code) : fix;
  return new UserError(`the index ${path} ${what}`, code === "ENOENT" ? missing : ours);
}
