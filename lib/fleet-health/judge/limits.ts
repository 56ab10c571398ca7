// From the settings to what the symptoms hold to. Pure.

import { ownValue } from "../../core/text/own.ts";
import type { Coverage } from "../coverage/coverage.ts";
import type { Thresholds } from "../reference/alerts.ts";
import type { Limits } from "./told.ts";

/** A queue that fails is no news before that, milliseconds. */
const FAILING_AFTER_MS = 15 * 60_000;
/** Nobody is silent or down sooner: that would be a heartbeat that is a little late, or a receiver that is started again. Seconds. */
export const LEAST_SILENT_S = 300;

/** Of the settings. */
interface Settings {
  thresholds: Pick<Thresholds, "silentThresholdMin" | "fatalMinCount">;
  /** Hosts that are silent after another time than all, by name, milliseconds. */
  silentAfterMs: Readonly<Record<string, number>>;
}

export function limitsOf(config: Settings, nowMs: number, coverage: Pick<Coverage, "since" | "last">): Limits {
  const { fatalMinCount } = config.thresholds;
  return {
    ...{
      nowMs,
      coveredMs: coverage.since,
      coveredOfLastMs: coverage.last,
      failingAfterMs: FAILING_AFTER_MS,
      downAfterMs: thresholdMs(config),
      fatalMinCount,
    },
    silentAfterMs: silentAfterOf(config),
  };
}

/** The Python fleet's threshold is ours as well, as far as anybody can tell so soon. */
function thresholdMs({ thresholds }: Settings): number {
  return Math.max(LEAST_SILENT_S * 1000, thresholds.silentThresholdMin * 60_000);
}

/** How long each host may ship nothing, milliseconds. */
export function silentAfterOf(config: Settings): (host: string) => number {
  return (host) => ownValue(config.silentAfterMs, host) ?? thresholdMs(config);
}
