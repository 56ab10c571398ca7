// alerts.jsonl: what stands there of this hour, and the rows of this run behind it, on the disk before anybody is told.

import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { makeDir, readIfExists } from "../../os/files/files.ts";
import { appendLineDurable } from "../../os/files/sync-files.ts";
import { dedupText, hourOf, keysOfHour, rowText } from "./alert-rows.ts";
import type { Alert, HeldAlert } from "./alerts.ts";

/** Some hundred thousand rows. Whoever keeps more has to move the older ones away. */
const FILE_BYTES = 256 * 1024 ** 2;

/**
 * Appends the alerts that do not stand there yet in this hour.
 * @returns those, once they are on the disk; rejects as the system does
 */
export async function appendAlerts(
  path: string,
  alerts: readonly HeldAlert[],
  nowIso: string,
): Promise<readonly HeldAlert[]> {
  if (alerts.length === 0) return [];
  const hour = hourOf(nowIso);
  const there = keysOfHour(((await readIfExists(path, FILE_BYTES)) ?? "").split("\n"), hour);
  const fresh = alerts.filter((alert) => !there.has(keyOf(alert, hour)));
  if (fresh.length === 0) return [];
  await makeDir(dirname(path));
  appendLineDurable(path, fresh.map((alert) => rowText(alert, keyOf(alert, hour))).join("\n"));
  return fresh;
}

function keyOf(alert: Alert, hour: string): string {
  return createHash("sha256").update(dedupText(alert, hour)).digest("hex").slice(0, 16);
}
