// The life of a daemon, top to bottom: start, READY, wait, STOPPING, drain, exit code.

import { EXIT } from "../core/exit.ts";
import type { StopBudget } from "../core/stop-budget.ts";
import { formatSeconds } from "../core/units.ts";
import { createNotifier, type Notifier } from "../os/notify.ts";
import type { Log } from "./log.ts";
import { createProgress, type Progress } from "./progress.ts";

export interface DaemonContext {
  log: Log;
  progress: Progress;
  /** One human line for `systemctl status`. */
  status(line: string): void;
  /** Ends the daemon from within: a bug or a loss of its ground. */
  fail(error: unknown): void;
}

export interface Phase {
  name: string;
  run(): Promise<void>;
}

/** What a daemon hands back once it can really work. */
export interface Running {
  /** Steps of a clean stop, in order; each ends by itself within the stop budget. */
  drain: Phase[];
}

/**
 * Runs a daemon until SIGTERM or SIGINT and resolves with the exit code. A second signal quits at once.
 * @param start resolves when the daemon can work: READY=1 is sent then
 */
export async function runDaemon(
  log: Log,
  budget: StopBudget,
  start: (context: DaemonContext) => Promise<Running>,
): Promise<number> {
  const notifier = createNotifier(process.env, process.pid);
  const progress = createProgress(() => performance.now());
  const stop = Promise.withResolvers<{ cause: string; error?: unknown }>();
  const onSignal = signalHandler(log, stop.resolve);
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  const feeding = feedWatchdog(notifier, progress, log);
  const context: DaemonContext = {
    log,
    progress,
    status: (line) => notifier.status(line),
    fail: (error) => stop.resolve({ cause: "failure", error }),
  };
  const running = await start(context);
  notifier.ready();
  if (notifier.failure !== null) log.warn(notifier.failure);
  const { cause, error } = await stop.promise;
  notifier.stopping();
  notifier.status(`stopping: ${cause}`);
  const overdue = setTimeout(() => {
    log.error(`the stop took longer than its ${formatSeconds(budget.totalS)}: quitting`);
    process.exit(EXIT.undelivered);
  }, budget.totalS * 1000);
  await drain(log, budget, running.drain, cause);
  clearTimeout(overdue);
  clearInterval(feeding);
  if (error === undefined) return EXIT.ok;
  throw error;
}

/** The first signal starts the drain; the second quits, for whoever cannot wait. */
function signalHandler(log: Log, stop: (reason: { cause: string }) => void): (signal: NodeJS.Signals) => void {
  let first: string | null = null;
  return (signal) => {
    if (first !== null) {
      log.warn(`${signal} during the stop after ${first}: quitting at once`);
      process.exit(EXIT.undelivered);
    }
    first = signal;
    stop({ cause: signal });
  };
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

async function drain(log: Log, budget: StopBudget, phases: Phase[], cause: string): Promise<void> {
  const startedAt = performance.now();
  const since = (): string => `+${((performance.now() - startedAt) / 1000).toFixed(2)}s`;
  log.info(`stopping: ${cause}, at most ${formatSeconds(budget.totalS)}`);
  for (const phase of phases) {
    log.info(`stopping: ${phase.name} begins`, { at: since() });
    await phase.run();
    log.info(`stopping: ${phase.name} done`, { at: since() });
  }
  log.info(`stopped: ${cause}`, { total: since() });
}
