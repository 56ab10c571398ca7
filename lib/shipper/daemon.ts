// The shipper as a daemon: passes on a timer, a status that is kept current, a drain, and a configuration read anew.

import { join } from "node:path";
import { errorText } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { replaceRunFile } from "../os/run-file.ts";
import type { DaemonContext, Running } from "../runtime/daemon.ts";
import type { Log } from "../runtime/log.ts";
import { takeOver } from "../runtime/reload.ts";
import { tidyDataRoot } from "./data-root.ts";
import { buildParts } from "./parts.ts";
import { FIXED_SETTINGS, type ShipperConfig } from "./settings.ts";
import type { Dirs } from "./settle.ts";
import { liveStatus, statusLine } from "./status.ts";

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
  let dirty = true;
  const { engine, housekeeping, packer } = buildParts(config, dirs, context, false, () => {
    dirty = true;
  });
  const report = (): void => {
    if (!dirty) return;
    dirty = false;
    const live = liveStatus(engine, Date.now(), performance.now());
    context.status(statusLine(live));
    writeLive(config.runDir, JSON.stringify(live), context.log);
  };
  const pass = async (): Promise<void> => {
    const work = context.progress.begin("scan of the episodes", 120);
    await housekeeping.prune();
    await engine.scan();
    engine.pump();
    work.done();
  };
  await engine.recover();
  await pass();
  report();
  const reporting = setInterval(report, 1000);
  let isPassing = false;
  const tick = (): void => {
    dirty = true;
    if (isPassing) return;
    isPassing = true;
    pass()
      .catch(context.fail)
      .finally(() => {
        isPassing = false;
      });
  };
  let ticking = setInterval(tick, config.scanIntervalS * 1000);
  context.log.info("ready", {
    host: config.hostId,
    receiver: config.receiver.url,
    data_root: config.dataRoot,
    to_ship: engine.queue.size,
  });
  const stop = async (): Promise<number> => {
    clearInterval(ticking);
    // Nothing new from now on; a pass that is under way is left to itself: it may look through thousands of receipts, and
    // what it removes may be broken off at any step.
    return engine.stop(config.drainTimeoutS * 1000);
  };
  const close = async (): Promise<undefined> => {
    clearInterval(reporting);
    packer.close();
    writeLive(config.runDir, "null", context.log);
  };
  const reload = async (): Promise<string[]> => {
    const waiting = takeOver(config, await readConfig(), FIXED_SETTINGS);
    clearInterval(ticking);
    ticking = setInterval(tick, config.scanIntervalS * 1000);
    // What stood in the way may just have been mended.
    engine.breaker.tryNow();
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

/** The run directory is in memory and the report is renewed every second: a rename is all it needs. */
function writeLive(runDir: string, text: string, log: Log): void {
  const path = join(runDir, "status.json");
  try {
    replaceRunFile(path, `${text}\n`);
  } catch (error) {
    log.debug(`cannot write ${path}: ${quoted(errorText(error))}`);
  }
}
