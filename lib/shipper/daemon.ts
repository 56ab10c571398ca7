// The shipper as a daemon: passes on a timer, a status that is kept current, a drain, and a configuration read anew.

import type { Dirs } from "../contract/places.ts";
import type { LiveSettings } from "../runtime/config/settings.ts";
import type { DaemonContext, Running } from "../runtime/daemon.ts";
import { buildParts } from "./build.ts";
import { tidyDataRoot } from "./data-root.ts";
import { watchGround } from "./disk/ground-watch.ts";
import type { ShipperConfig } from "./settings.ts";
import { startReporting } from "./status/reporting.ts";
import { createNews } from "./work/news.ts";
import { Passes } from "./work/passes.ts";

/** Starts the daemon on a data root that is locked. */
export async function startDaemon(
  settings: LiveSettings<ShipperConfig>,
  dirs: Dirs,
  context: DaemonContext,
): Promise<Running> {
  const { log, progress, fail } = context;
  const { dataRoot, runDir, hostId: host, receiver } = settings.current();
  await tidyDataRoot(dirs, log);
  const startedMs = performance.now();
  const news = createNews();
  const {
    engine,
    housekeeping,
    stopAsking,
    close: closeParts,
  } = await buildParts(settings, dirs, context, false, news.note);
  const ground = watchGround({ dataRoot, dirs, log, groundIs: (problem) => engine.groundIs(problem), fail });
  const passes = new Passes({ settings, engine, housekeeping, ground, news, progress, fail });
  await engine.recover();
  await passes.pass();
  const reported = { runDir, engine, housekeeping, news, receiverId: () => passes.receiverId, startedMs };
  const stopReporting = startReporting(reported, context);
  passes.begin();
  log.info("ready", { host, receiver: receiver.url, data_root: dataRoot, to_ship: engine.queue.size });
  const stop = async (): Promise<number> => {
    passes.end();
    stopAsking();
    // Nothing new from now on; what is under way is left to itself: what it removes may be broken off at any step.
    return engine.stop(settings.current().drainTimeoutS * 1000);
  };
  const close = async (): Promise<undefined> => {
    closeParts();
    ground.close();
    stopReporting();
  };
  const reload = async (): Promise<readonly string[]> => {
    const waiting = settings.replace(await settings.read());
    // What stood in the way may just have been mended.
    engine.sending.pausing.tryNow();
    passes.again();
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
