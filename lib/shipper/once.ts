// `shipper once`: ships what is there, then ends.

import type { Dirs } from "../contract/places.ts";
import { EXIT } from "../core/exit.ts";
import { lockDataRoot } from "../os/files/lock.ts";
import { settingsOf } from "../runtime/config/settings.ts";
import type { Log } from "../runtime/log/log.ts";
import { createProgress } from "../runtime/progress.ts";
import { buildParts } from "./build.ts";
import { makeDataDirs, tidyDataRoot } from "./data-root.ts";
import type { ShipperConfig } from "./settings.ts";
import { pauseText } from "./words/lines.ts";

/** @returns exit code: 0 all shipped, 3 something was not */
export async function shipOnce(config: ShipperConfig, dirs: Dirs, log: Log): Promise<number> {
  await makeDataDirs(config, dirs, log);
  lockDataRoot("shipper", config.dataRoot, config.runDir);
  await tidyDataRoot(dirs, log);
  const failure = Promise.withResolvers<never>();
  const progress = createProgress(() => performance.now());
  const { engine, housekeeping, stopAsking, close } = await buildParts(
    settingsOf(config),
    dirs,
    { log, progress, fail: failure.reject },
    true,
    () => {},
  );
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  await housekeeping.begin();
  await engine.recover();
  await engine.scan();
  engine.pump();
  const stop = async (): Promise<void> => {
    stopAsking();
    await engine.stop(config.drainTimeoutS * 1000);
  };
  // Where nobody answers nothing can be proved, and so nothing is removed.
  const tidy = (): Promise<void> | null => (engine.sending.pausing.pause === null ? housekeeping.tidy() : null);
  const all = engine.settled().then(tidy);
  await Promise.race([all, failure.promise, stopped.then(stop)]);
  close();
  // What is no episode was never in the queue, and is not shipped all the same.
  const left = engine.queue.size + engine.intake.problems.length;
  const summary = { shipped: engine.delivered, quarantined: engine.quarantined, left };
  if (left === 0 && engine.quarantined === 0) {
    log.info("all shipped", summary);
    return EXIT.ok;
  }
  const { finding } = engine.sending;
  const { pause, witnessCount } = engine.sending.pausing;
  log.warn(
    pause === null || finding === null
      ? "not everything could be shipped"
      : {
          what: `not everything could be shipped: ${pauseText(pause.kind, finding, witnessCount)}`,
          fix: finding.fix,
        },
    summary,
  );
  return EXIT.undelivered;
}
