// How the last run of the health check went, which looks at the same data root.

import { join } from "node:path";
import { type HealthRun, parseHealthRun } from "../../contract/health-run.ts";
import { dataPaths, HEALTH_RUN } from "../../contract/places.ts";
import { isUnreadable } from "../../core/reading.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";

const FILE_BYTES = 64 * 1024;

/** Null: it has never run here. `unknown`: it may have, and nobody here can tell. */
export function readHealthRun(dataRoot: string): HealthRun | null | "unknown" {
  const file = readSmallFile(join(dataPaths(dataRoot).fleetHealth, HEALTH_RUN), FILE_BYTES);
  if (file === null) return null;
  return isUnreadable(file) ? "unknown" : (parseHealthRun(file.text) ?? "unknown");
}
