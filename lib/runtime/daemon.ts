// The life of a daemon, top to bottom: lock, start, READY, wait, STOPPING, drain, exit code. What it writes down about its
// end is in forensics/.

import { join } from "node:path";
import { isatty } from "node:tty";
import { BUILD } from "../core/build-info.ts";
import { EXIT } from "../core/exit.ts";
import { errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import type { StopBudget } from "../core/stop-budget.ts";
import { formatSeconds } from "../core/units.ts";
import { createNotifier, type Notifier } from "../os/notify.ts";
import { finishDetaching } from "./detach.ts";
import { drain, offset, type Phase } from "./drain.ts";
import { checkAlignment } from "./forensics/alignment.ts";
import type { Handover } from "./forensics/diagnostic.ts";
import { type Ledger, openLedger, writeEndsPointer } from "./forensics/ends.ts";
import { removeMarkers } from "./forensics/markers.ts";
import { explainStop, type StopFacts, warmUp } from "./forensics/shutdown.ts";
import { takeInstance } from "./instance.ts";
import type { Log } from "./log.ts";
import { createProgress, type Progress } from "./progress.ts";
import { handleSignals, type ReceivedSignal } from "./signals.ts";

export type { Phase } from "./drain.ts";

export interface DaemonOptions {
  tool: string;
  log: Log;
  budget: StopBudget;
  /** Locked for the life of the daemon; must exist. The ledger of ends is in its `ends/`. */
  dataRoot: string;
  runDir: string;
  /** Take the place of a daemon that has the lock. */
  replace: boolean;
}

export interface DaemonContext {
  log: Log;
  progress: Progress;
  /** One human line for `systemctl status`. */
  status(line: string): void;
  /** Ends the daemon from within: a bug or a loss of its ground. */
  fail(error: unknown): void;
}

/** What a daemon hands back once it can really work. */
export interface Running {
  /** Steps of a clean stop, in order; each ends by itself within the stop budget. */
  drain: Phase[];
  /**
   * Reads the configuration anew (SIGHUP); resolves with what has to wait for a restart.
   * @throws UserError when the new one is bad: the old one stays
   */
  reload?: () => Promise<readonly string[]>;
}

interface Cause extends StopFacts {
  error?: unknown;
}

interface Stop extends Cause {
  handover: Handover | null;
  overdue: ReturnType<typeof setTimeout>;
}

/**
 * Runs a daemon until SIGTERM or SIGINT and resolves with the exit code. A second signal quits at once.
 * @param start resolves when the daemon can work: READY=1 is sent then
 * @throws UserError when the lock is taken, and whatever `start` or the daemon's work threw
 */
export async function runDaemon(
  options: DaemonOptions,
  start: (context: DaemonContext) => Promise<Running>,
): Promise<number> {
  const { log, budget, tool, runDir } = options;
  const notifier = createNotifier(process.env, process.pid);
  const progress = createProgress(() => performance.now());
  await takeInstance({ ...options, waitS: budget.totalS });
  const ledger = openEnds(options);
  const stop = Promise.withResolvers<Stop>();
  let stopBeganMs = Number.NaN;
  // Whichever way the process takes out: what ends it by an exit code is written down here.
  process.on("exit", (code) => ledger.ended(code, (performance.now() - stopBeganMs || 0) / 1000));
  /** The first cause wins. What is known of it is written down at once, even if the start is not over. */
  const begin = (cause: Cause): void => {
    if (stopBeganMs >= 0) return;
    stopBeganMs = performance.now();
    notifier.stopping();
    notifier.status(`stopping: ${cause.cause}`);
    const overdue = quitWhenOverdue(budget, log);
    stop.resolve({ ...cause, overdue, handover: explainStop({ tool, log, ledger, runDir }, cause) });
  };
  const life: { running: Running | null } = { running: null };
  const onStop = stopOnce(log, begin);
  handleSignals({
    stop: onStop,
    reload: isatty(2) ? null : (signal) => void reload(signal, life.running, onStop, notifier, log),
  });
  warmUp(runDir);
  const feeding = feedWatchdog(notifier, progress, log);
  const fail = (error: unknown): void => begin({ cause: "failure", signal: null, sender: {}, error });
  const running = await start({ log, progress, status: (line) => notifier.status(line), fail });
  life.running = running;
  if (Number.isNaN(stopBeganMs)) {
    notifier.ready();
    ledger.ready();
    finishDetaching();
    if (notifier.failure !== null) log.warn(notifier.failure);
    void sayAlignment(budget, log);
  }
  const { cause, sender, error, handover, overdue } = await stop.promise;
  const parts = { log, budget, notifier, progress, now: () => performance.now(), entered: ledger.phase };
  const totalS = await drain(parts, running.drain, cause);
  await handover?.done;
  clearTimeout(overdue);
  clearInterval(feeding);
  removeMarkers(runDir, process.pid);
  log.info(`stopped: ${cause}`, { total: offset(totalS), ...sender });
  if (error !== undefined) throw error;
  return EXIT.ok;
}

/** Opens the ledger of ends and says how the last run ended. */
function openEnds({ tool, dataRoot, runDir, log }: DaemonOptions): Ledger {
  const dir = join(dataRoot, "ends");
  const ledger = openLedger({ dir, tool, version: BUILD.version, env: process.env, nowMs: Date.now() });
  writeEndsPointer(runDir, dir);
  const { failure, lastEnd } = ledger;
  if (failure !== null) log.warn(failure);
  if (lastEnd?.kind === "clean-stop") log.info(lastEnd.sentence);
  // What could not be read is no news beside what cannot be written.
  else if (lastEnd !== null && (failure === null || lastEnd.kind !== "unknown")) log.warn(lastEnd.sentence);
  return ledger;
}

/** The first signal starts the drain; the second quits, for whoever cannot wait. */
function stopOnce(log: Log, stop: (cause: Cause) => void): (signal: ReceivedSignal) => void {
  let first: string | null = null;
  return ({ name, number, sender }) => {
    if (first !== null) {
      log.warn(`${name} during the stop after ${first}: quitting at once`, sender);
      process.exit(EXIT.undelivered);
    }
    first = name;
    stop({ cause: name, signal: number, sender });
  };
}

async function reload(
  signal: ReceivedSignal,
  running: Running | null,
  stop: (signal: ReceivedSignal) => void,
  notifier: Notifier,
  log: Log,
): Promise<void> {
  // While it starts it reads its configuration anyway.
  if (running === null) return;
  if (running.reload === undefined) return stop(signal);
  notifier.reloading();
  log.info("reading the configuration anew", { signal: signal.name, ...signal.sender });
  try {
    const waiting = await running.reload();
    if (waiting.length === 0) log.info("the new configuration holds");
    else log.warn("the new configuration holds, but for what needs a restart", { restart_for: waiting.join(",") });
  } catch (error) {
    // A UserError quotes what it names; anything else may hold any text.
    const { message, hint } = error instanceof UserError ? error : { message: quoted(errorText(error)), hint: null };
    log.error(`the new configuration is bad, the old one stays: ${message}${hint === null ? "" : `; fix: ${hint}`}`);
  }
  notifier.ready();
}

async function sayAlignment(budget: StopBudget, log: Log): Promise<void> {
  const { level, message, fix } = await checkAlignment(budget, { env: process.env });
  const text = fix === null ? message : `${message}; fix: ${fix}`;
  if (level === "warn") log.warn(text);
  else log.debug(text);
}

/** systemd must not have to kill a daemon whose own limits failed. */
function quitWhenOverdue(budget: StopBudget, log: Log): ReturnType<typeof setTimeout> {
  return setTimeout(() => {
    log.error(`the stop took longer than its ${formatSeconds(budget.totalS)}: quitting`);
    process.exit(EXIT.undelivered);
  }, budget.totalS * 1000);
}

function feedWatchdog(notifier: Notifier, progress: Progress, log: Log): ReturnType<typeof setInterval> | undefined {
  if (notifier.watchdogEveryMs === null) return undefined;
  let warned = false;
  notifier.watchdog();
  return setInterval(() => {
    const stuck = progress.stuck();
    if (stuck === null) {
      warned = false;
      notifier.watchdog();
    } else if (!warned) {
      warned = true;
      log.error(
        `${stuck.name} has not moved for ${formatSeconds(stuck.seconds)}: leaving it to systemd's watchdog to restart us`,
      );
    }
  }, notifier.watchdogEveryMs);
}
