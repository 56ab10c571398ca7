// The shipper as a daemon: passes on a timer, a status that is kept current, a drain, and a configuration read anew.

import { join } from "node:path";
import { EXIT } from "../core/exit.ts";
import { errorCode, UserError } from "../core/failure.ts";
import { readUptimeS } from "../os/uptime.ts";
import type { DaemonContext, Running } from "../runtime/daemon.ts";
import { takeOver } from "../runtime/reload.ts";
import { openRunReports } from "../runtime/run-reports.ts";
import { buildParts } from "./build.ts";
import { tidyDataRoot } from "./data-root.ts";
import { cannotRestore, goneProblem, judgeGround, openGround, restoredText, type Standing } from "./disk/ground.ts";
import { keepReserve } from "./disk/reserve.ts";
import type { Dirs } from "./settings.ts";
import { FIXED_SETTINGS, type ShipperConfig } from "./settings.ts";
import { liveStatus, statusLine } from "./status/live-status.ts";
import { readPin } from "./trust/pin.ts";
import { steadyOffset } from "./words/wall-time.ts";

/**
 * Starts the daemon on a data root that is locked.
 * @param readConfig reads the configuration anew
 */
export async function startDaemon(
  config: ShipperConfig,
  dirs: Dirs,
  context: DaemonContext,
  readConfig: () => Promise<ShipperConfig>,
): Promise<Running> {
  await tidyDataRoot(dirs, context.log);
  const startedMs = performance.now();
  // The run directory is in memory and the report is renewed every second: a rename is all it needs.
  const writeReport = openRunReports(context.log);
  const reportPath = join(config.runDir, "status.json");
  let offsetMs: number | null = null;
  let receiverId: string | null = null;
  let dirty = true;
  const {
    engine,
    housekeeping,
    stopAsking,
    close: closeParts,
  } = await buildParts(config, dirs, context, false, () => {
    dirty = true;
  });
  const report = (): void => {
    const nowMs = performance.now();
    const before = offsetMs;
    offsetMs = steadyOffset(before, Date.now(), nowMs);
    // A clock that was set is news: what was told by the old one is wrong.
    if (!dirty && offsetMs === before) return;
    dirty = false;
    const live = liveStatus(engine, {
      nowMs,
      offsetMs,
      uptimeS: readUptimeS(),
      startedMs,
      pid: process.pid,
      receiverId,
      settled: housekeeping.counts(),
    });
    context.status(statusLine(live));
    writeReport(reportPath, JSON.stringify(live));
  };
  const under = openGround(config.dataRoot, dirs);
  /** Whether the data root is ours still; what it lacks is made again, and for another one we start anew. */
  const isOnGround = async (): Promise<boolean> => {
    const now = await under.look();
    const ground = judgeGround(under.id, now, Object.keys(dirs).length);
    if (ground === "gone") engine.groundIs(goneProblem(config.dataRoot, now));
    else if (ground === "another") context.fail(otherGround(config.dataRoot));
    else return restored(now);
    return false;
  };
  const restored = async (now: Standing): Promise<boolean> => {
    try {
      for (const name of await under.restore(now)) context.log.warn(restoredText(dirs, name));
    } catch (error) {
      const code = errorCode(error);
      if (code === null) throw error;
      engine.groundIs(cannotRestore(config.dataRoot, now, code));
      return false;
    }
    engine.groundIs(null);
    return true;
  };
  /** What older releases settled was judged anew. */
  let isTidy = false;
  const { freeSpace, now } = engine.deps;
  const reserveBytes = (): number => config.diskReserveBytes;
  const reserve = keepReserve({ freeSpace, reserveBytes, room: engine.room, now, fail: context.fail });
  const pass = async (): Promise<void> => {
    const work = context.progress.begin("scan of the episodes", 120);
    const pinned = (await readPin(config.dataRoot).catch(() => null))?.receiver_id ?? null;
    // A person has just said whom to trust.
    if (pinned !== receiverId) engine.sending.pausing.tryNow();
    receiverId = pinned;
    if (await isOnGround()) {
      await engine.scan();
      engine.pump();
      if (isTidy) reserve();
    }
    work.done();
  };
  await engine.recover();
  await pass();
  report();
  const reporting = setInterval(report, 1000);
  let isPassing = false;
  const tick = (): void => {
    dirty = true;
    void housekeeping.tidy(engine.quarantined).catch(context.fail);
    if (isPassing) return;
    isPassing = true;
    pass()
      .catch(context.fail)
      .finally(() => {
        isPassing = false;
      });
  };
  let ticking = setInterval(tick, config.scanIntervalS * 1000);
  // Once READY is said: what lies settled may be a hundred thousand notes.
  const begin = async (): Promise<void> => {
    await housekeeping.begin();
    isTidy = true;
    tick();
  };
  const first = setTimeout(() => void begin().catch(context.fail), 0);
  context.log.info("ready", {
    host: config.hostId,
    receiver: config.receiver.url,
    data_root: config.dataRoot,
    to_ship: engine.queue.size,
  });
  const stop = async (): Promise<number> => {
    clearTimeout(first);
    clearInterval(ticking);
    stopAsking();
    // Nothing new from now on; what is under way is left to itself: what it removes may be broken off at any step.
    return engine.stop(config.drainTimeoutS * 1000);
  };
  const close = async (): Promise<undefined> => {
    clearInterval(reporting);
    closeParts();
    under.close();
    writeReport(reportPath, "null");
  };
  const reload = async (): Promise<string[]> => {
    const waiting = takeOver(config, await readConfig(), FIXED_SETTINGS);
    clearInterval(ticking);
    ticking = setInterval(tick, config.scanIntervalS * 1000);
    // What stood in the way may just have been mended.
    engine.sending.pausing.tryNow();
    tick();
    return waiting;
  };
  return {
    drain: [
      { name: "finish uploads", inFlight: () => engine.uploads, run: stop },
      { name: "close", run: close },
    ],
    reload,
  };
}

/** Another process may work there, and of what lies there nothing is known: a new start locks it and looks at it. */
function otherGround(dataRoot: string): UserError {
  const what = `another directory stands at ${dataRoot} than the one that was locked at the start`;
  return new UserError(what, "start the shipper again, as systemd does by itself", EXIT.undelivered);
}
