// The agent as a daemon: a collection at once, then at this host's place in each interval; a report on itself that is kept
// current.

import { join } from "node:path";
import { STATUS_REPORT } from "../contract/places.ts";
import type { LiveSettings } from "../runtime/config/settings.ts";
import type { DaemonContext, Running } from "../runtime/daemon.ts";
import { openRunReports } from "../runtime/run-reports.ts";
import type { Agent } from "./agent.ts";
import { buildAgent } from "./build.ts";
import { splayMs, untilDueMs } from "./decide.ts";
import { QUEUE } from "./plugins/shipper-queue.ts";
import { LOOK_MS, PauseWatch } from "./send/early.ts";
import { Spool } from "./send/spool.ts";
import type { HeartbeatConfig } from "./settings.ts";
import { liveStatus, statusLine } from "./status-live.ts";

/** Starts the agent on a state directory that is locked. */
export async function startAgent(settings: LiveSettings<HeartbeatConfig>, context: DaemonContext): Promise<Running> {
  const { log, progress } = context;
  const { stateDir, runDir, hostId, receiver, intervalS } = settings.current();
  const spool = new Spool(stateDir, () => settings.current().spoolMax, runDir);
  const { agent, close, loaded } = await buildAgent(settings, log, progress, spool);
  const reporter = startReporter(agent, settings, context);
  log.info("ready", { host: hostId, receiver: receiver.url, interval_s: intervalS, plugins: loaded });
  const beats = startBeating(agent, context);
  const endChecks = async (): Promise<undefined> => {
    await beats.end();
    reporter.close();
  };
  return {
    drain: [
      { name: "end checks", inFlight: beats.count, run: endChecks },
      {
        name: "close plugins",
        run: async () => {
          await close();
          return undefined;
        },
      },
    ],
    reload: async () => {
      const waiting = settings.replace(await settings.read());
      reporter.renew();
      agent.tryNow();
      return waiting;
    },
  };
}

/**
 * A collection now, and then at this host's place in each interval; between them one of the queue alone when the shipper
 * begins or ends a pause.
 */
function startBeating(agent: Agent, { fail }: DaemonContext): { count: () => number; end: () => Promise<void> } {
  const { hostId, intervalS, shipper } = agent.deps.settings.current();
  const intervalMs = intervalS * 1000;
  const splay = splayMs(hostId, intervalMs);
  let timer: ReturnType<typeof setTimeout>;
  const beats = new Set<Promise<void>>();
  const beat = (only: string | null): void => {
    const running = agent
      .beat(only)
      .catch(fail)
      .finally(() => beats.delete(running));
    beats.add(running);
  };
  const begin = (): void => {
    // By the wall clock, so that hosts keep apart; waited for by one that nobody sets.
    timer = setTimeout(begin, untilDueMs(Date.now(), intervalMs, splay));
    beat(null);
  };
  begin();
  const watch = new PauseWatch(shipper);
  const looking = setInterval(() => {
    // One that is under way may tell it.
    if (beats.size === 0 && watch.isDue(agent.latest)) beat(QUEUE);
  }, LOOK_MS);
  const end = async (): Promise<void> => {
    clearTimeout(timer);
    clearInterval(looking);
    await agent.stop();
    await Promise.all(beats);
  };
  return { count: () => beats.size, end };
}

/** Reports that follow one another so fast are one, milliseconds. */
const REPORT_MS = 100;

interface Reporter {
  /** Reports soon: a status would show something else. */
  renew(): void;
  close(): void;
}

/** Keeps systemd's line, `status.json` and `latest.json` current. The run directory is in memory: a rename is all they need. */
function startReporter(
  agent: Agent,
  settings: LiveSettings<HeartbeatConfig>,
  { log, status }: DaemonContext,
): Reporter {
  const { runDir } = settings.current();
  const startedUptimeS = agent.deps.uptimeS();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let shown: unknown = null;
  const writeReport = openRunReports(log);
  const write = (name: string, value: unknown): void => {
    writeReport(join(runDir, name), JSON.stringify(value));
  };
  const report = (): void => {
    timer = null;
    const live = liveStatus(agent, startedUptimeS, Date.now(), settings.restartFor);
    status(statusLine(live));
    write(STATUS_REPORT, live);
    if (agent.latest !== shown) write("latest.json", agent.latest);
    shown = agent.latest;
  };
  const renew = (): void => {
    timer ??= setTimeout(report, REPORT_MS);
  };
  report();
  agent.onChange(renew);
  return {
    renew,
    close: () => {
      if (timer !== null) clearTimeout(timer);
      agent.onChange(null);
      write(STATUS_REPORT, null);
    },
  };
}
