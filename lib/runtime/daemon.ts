// The life of a daemon, top to bottom: lock, start, READY, wait, STOPPING, drain, exit code. What it writes down about its
// end is in ends/.

import { join } from "node:path";
import { isatty } from "node:tty";
import { BUILD } from "../core/build-info.ts";
import { EXIT } from "../core/exit.ts";
import { errorText } from "../core/failure.ts";
import type { StopBudget } from "../core/stop-budget.ts";
import { quoted } from "../core/text/fields.ts";
import { formatSeconds } from "../core/text/quantity.ts";
import { createNotifier, type Notifier } from "../os/notify.ts";
import { checkAlignment } from "./alignment.ts";
import { finishDetaching } from "./detach.ts";
import type { Handover } from "./diagnostic/diagnostic.ts";
import { drain, keepExtending, offset, type Phase } from "./drain.ts";
import { toldEnd } from "./ends/end-records.ts";
import { type Ledger, openLedger, writeEndsPointer } from "./ends/ends.ts";
import { takeInstance } from "./instance.ts";
import type { Log } from "./log/log.ts";
import { removeMarkers } from "./markers.ts";
import { createProgress, type Progress } from "./progress.ts";
import { Reloader } from "./reloader.ts";
import { explainStop, type StopFacts, warmUp } from "./shutdown.ts";
import { handleSignals, isRepeat, type ReceivedSignal } from "./signals.ts";

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
  stopExtending: () => void;
  handover: Promise<Handover | null>;
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
  const { log, budget, runDir } = options;
  const notifier = createNotifier(process.env, process.pid);
  const progress = createProgress(() => performance.now());
  await takeInstance({ ...options, waitS: budget.totalS });
  const ledger = openEnds(options);
  const stop = Promise.withResolvers<Stop>();
  const reloader = new Reloader(options.tool, notifier, log);
  let stopBeganMs = Number.NaN;
  const sinceStopS = (): number => (performance.now() - stopBeganMs || 0) / 1000;
  // Whichever way the process takes out: what ends it by an exit code is written down here.
  process.on("exit", (code) => ledger.ended(code, sinceStopS()));
  /** The first cause wins. What is known of it is written down at once, even if the start is not over. */
  const begin = (cause: Cause): void => {
    if (stopBeganMs >= 0) return;
    stopBeganMs = performance.now();
    reloader.close();
    notifier.stopping();
    notifier.status(`stopping: ${cause.cause}`);
    const overdue = quitWhenOverdue(budget, log);
    const stopExtending = keepExtending({ budget, notifier, progress }, sinceStopS);
    stop.resolve({ ...cause, overdue, stopExtending, handover: tryToExplain(options, ledger, cause) });
  };
  const life = { canReload: !isatty(2) };
  const onStop = stopOnce(log, begin);
  handleSignals({ stop: onStop, reload: (signal) => (life.canReload ? reloader.request(signal) : onStop(signal)) });
  warmUp(runDir);
  const feeding = feedWatchdog(notifier, progress, log);
  const fail = (error: unknown): void => begin({ cause: "failure", signal: null, sender: {}, error });
  const status = (line: string): void => {
    if (Number.isNaN(stopBeganMs)) notifier.status(line);
  };
  const running = await start({ log, progress, status, fail });
  life.canReload &&= running.reload !== undefined;
  if (Number.isNaN(stopBeganMs)) {
    notifier.ready();
    ledger.ready();
    finishDetaching();
    if (notifier.failure !== null) log.warn(notifier.failure);
    if (running.reload !== undefined) reloader.ready(running.reload);
    void sayAlignment(budget, log);
  }
  const { cause, sender, error, handover, overdue, stopExtending } = await stop.promise;
  await drain({ log, budget, elapsed: sinceStopS, entered: ledger.phase }, running.drain, cause);
  await (await handover)?.done;
  stopExtending();
  clearTimeout(overdue);
  clearInterval(feeding);
  removeMarkers(runDir, process.pid);
  log.info(`stopped: ${cause}`, { total: offset(sinceStopS()), ...sender });
  if (error !== undefined) throw error;
  return EXIT.ok;
}

/** Whatever goes wrong in it: the stop goes on. */
async function tryToExplain(options: DaemonOptions, ledger: Ledger, cause: Cause): Promise<Handover | null> {
  const { tool, log, runDir } = options;
  try {
    const startDiagnostic = explainStop({ tool, log, ledger, runDir }, cause);
    // The drain begins first.
    await new Promise((resolve) => setImmediate(resolve));
    return startDiagnostic();
  } catch (error) {
    log.warn(`this stop cannot be explained: ${quoted(errorText(error))}`);
    return null;
  }
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
  else if (lastEnd !== null && (failure === null || lastEnd.kind !== "unknown")) log.warn(toldEnd(lastEnd));
  return ledger;
}

/** The first signal starts the drain; the second quits, for whoever cannot wait. */
function stopOnce(log: Log, stop: (cause: Cause) => void): (signal: ReceivedSignal) => void {
  let first: { signal: ReceivedSignal; atMs: number } | null = null;
  return (signal) => {
    const { name, number, sender } = signal;
    const atMs = performance.now();
    if (first === null) {
      first = { signal, atMs };
      stop({ cause: name, signal: number, sender });
    } else if (isRepeat(first.signal, signal, atMs - first.atMs)) {
      log.debug(`${name} once more from the same sender`, sender);
    } else {
      log.warn(`${name} during the stop after ${first.signal.name}: quitting at once`, sender);
      process.exit(EXIT.undelivered);
    }
  };
}

async function sayAlignment(budget: StopBudget, log: Log): Promise<void> {
  const { level, message, fix } = await checkAlignment(budget, { env: process.env });
  if (level === "warn") log.warn({ what: message, fix });
  else log.debug(message);
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
