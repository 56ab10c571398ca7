// `shipper once`: ships what is there, then ends.

import { EXIT } from "../core/exit.ts";
import { quoted } from "../core/fields.ts";
import { lockDataRoot } from "../os/lock.ts";
import type { Log } from "../runtime/log.ts";
import { createProgress } from "../runtime/progress.ts";
import { makeDataDirs, tidyDataRoot } from "./data-root.ts";
import { buildParts } from "./parts.ts";
import type { ShipperConfig } from "./settings.ts";
import type { Dirs } from "./settle.ts";

/** @returns exit code: 0 all shipped, 3 something was not */
export async function shipOnce(config: ShipperConfig, dirs: Dirs, log: Log): Promise<number> {
  await makeDataDirs(config, dirs, log);
  lockDataRoot("shipper", config.dataRoot, config.runDir);
  await tidyDataRoot(dirs, log);
  const failure = Promise.withResolvers<never>();
  const progress = createProgress(() => performance.now());
  const { engine, housekeeping, packer } = buildParts(
    config,
    dirs,
    { log, progress, fail: failure.reject },
    true,
    () => {},
  );
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  await engine.recover();
  await housekeeping.prune();
  await engine.scan();
  engine.pump();
  await Promise.race([engine.settled(), failure.promise, stopped.then(() => engine.stop(config.drainTimeoutS * 1000))]);
  packer.close();
  const left = engine.queue.size;
  const summary = { shipped: engine.delivered, quarantined: engine.quarantined, left };
  if (left === 0 && engine.quarantined === 0) {
    log.info("all shipped", summary);
    return EXIT.ok;
  }
  log.warn(
    engine.breaker.pause === null
      ? "not everything could be shipped"
      : `not everything could be shipped: ${quoted(engine.breaker.pause.detail)}`,
    summary,
  );
  return EXIT.undelivered;
}
