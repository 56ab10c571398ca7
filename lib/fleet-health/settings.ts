// What the health check is told: by collector.toml, and before that by its flags.

import { dirname } from "node:path";
import { dataPaths } from "../contract/places.ts";
import { UserError } from "../core/failure.ts";
import { resolvePath } from "../os/files/paths.ts";
import type { Channel } from "./notify/channel.ts";
import { parseIso } from "./python/python-time.ts";
import type { Thresholds } from "./reference/alerts.ts";

export interface FleetHealthConfig {
  indexPath: string;
  /** Null: alerts are only said. */
  alertsPath: string | null;
  attemptsDir: string;
  heartbeatsDir: string;
  /** Which hosts there are, and which of them are two machines, as the receiver notes it. */
  hostsPath: string;
  duplicatesPath: string;
  /** The codes with which hosts are enrolled. */
  codesDir: string;
  /** When the receiver ran, minute by minute. */
  ticksPath: string;
  /** Where the receiver says whether it can store; left out: it is another collector's. */
  runDir?: string | undefined;
  /** What one run leaves for the next; null: nothing. */
  stateDir: string | null;
  /** Whose journal tells of refusals instead of the attempts; null: the attempts do. */
  journalUnit: string | null;
  /** Refusals of so many minutes count. */
  recentWindowMin: number;
  thresholds: Thresholds;
  /** A host of whom nothing came for so long is watched no more, milliseconds. */
  expireAfterMs: number;
  /** Hosts that are silent after another time than all, by name, milliseconds. */
  silentAfterMs: Readonly<Record<string, number>>;
  /** Asked at the end of each run; null: nothing is. */
  pingUrl: string | null;
  /** Whom it tells. */
  channels: readonly Channel[];
}

/** The Python fleet's. */
export const DEFAULT_RECENT_WINDOW_MIN = 30;
export const DEFAULT_THRESHOLDS: Thresholds = {
  lookbackHours: 24,
  silentThresholdMin: 30,
  fatalRatioThreshold: 0.95,
  fatalMinCount: 10,
};

export const DEFAULT_EXPIRE_AFTER_MS = 14 * 86_400_000;

/** Less would be a pause between two uploads. */
export const LEAST_EXPIRY_S = 3600;

type Places =
  | ("indexPath" | "alertsPath" | "attemptsDir" | "heartbeatsDir")
  | ("hostsPath" | "duplicatesPath" | "codesDir" | "ticksPath" | "stateDir");

/** Where everything lies of a collector. */
export function placesOf(dataRoot: string): Record<Places, string> {
  const { index, alerts, attempts, heartbeats, hosts, duplicates, enrolment, ticks, fleetHealth } = dataPaths(dataRoot);
  return {
    indexPath: index,
    alertsPath: alerts,
    attemptsDir: attempts,
    heartbeatsDir: heartbeats,
    hostsPath: hosts,
    duplicatesPath: duplicates,
    codesDir: enrolment,
    ticksPath: ticks,
    stateDir: fleetHealth,
  };
}

type Options = Readonly<Record<string, string | true>>;

/**
 * The settings with what the command line says instead. Another index is another collector's: attempts and state are looked for beside
 * it, unless they are named. As of another time nothing is written but where it is said.
 * @throws UserError (exit 2) for a value that is none
 */
export function withFlags(config: FleetHealthConfig, options: Options): FleetHealthConfig {
  const path = (name: string): string | null => {
    const value = options[name];
    if (typeof value !== "string") return null;
    if (value.trim() !== "") return resolvePath(value);
    throw new UserError(`--${name} is empty: name a path, or leave it out`);
  };
  const index = path("index-path");
  const beside = index === null ? config : placesOf(dirname(index));
  const unit = options["journal-unit"];
  if (typeof unit === "string" && unit.trim() === "")
    throw new UserError("--journal-unit is empty: name a unit, or leave it out");
  const isWhatIf = options.now !== undefined;
  return {
    ...config,
    indexPath: index ?? config.indexPath,
    alertsPath: path("alerts-path") ?? (isWhatIf ? null : config.alertsPath),
    attemptsDir: path("attempts-dir") ?? beside.attemptsDir,
    heartbeatsDir: beside.heartbeatsDir,
    hostsPath: beside.hostsPath,
    duplicatesPath: beside.duplicatesPath,
    codesDir: beside.codesDir,
    ticksPath: beside.ticksPath,
    runDir: index === null ? config.runDir : undefined,
    stateDir: path("state-path") ?? (isWhatIf ? null : beside.stateDir),
    journalUnit: typeof unit === "string" ? unit : config.journalUnit,
    recentWindowMin: numberOf(options, "recent-window-min") ?? config.recentWindowMin,
    thresholds: {
      lookbackHours: numberOf(options, "lookback-hours") ?? config.thresholds.lookbackHours,
      silentThresholdMin: numberOf(options, "silent-threshold-min") ?? config.thresholds.silentThresholdMin,
      fatalRatioThreshold: numberOf(options, "fatal-ratio-threshold") ?? config.thresholds.fatalRatioThreshold,
      fatalMinCount: numberOf(options, "fatal-min-count") ?? config.thresholds.fatalMinCount,
    },
  };
}

interface Range {
  least: number;
  most: number;
  /** Left out: whole numbers alone. */
  isFraction?: true;
}

/** What the settings may be, as configuration and flags alike hold to it. A window longer than the attempts are kept sees no more. */
export const RANGES = {
  "lookback-hours": { least: 0, most: 8760 },
  "silent-threshold-min": { least: 0, most: 525_600 },
  "recent-window-min": { least: 1, most: 20_160 },
  "fatal-ratio-threshold": { least: 0, most: 1, isFraction: true },
  "fatal-min-count": { least: 1, most: 1_000_000 },
} as const satisfies Record<string, Range>;

function numberOf(options: Options, name: keyof typeof RANGES): number | null {
  const text = options[name];
  if (typeof text !== "string") return null;
  const range: Range = RANGES[name];
  const value = /^(\d+\.?\d*|\.\d+)$/.test(text.trim()) ? Number(text) : Number.NaN;
  const isWhole = range.isFraction ?? Number.isSafeInteger(value);
  if (isWhole && value >= range.least && value <= range.most) return value;
  const kind = range.isFraction ? "a number" : "a whole number";
  throw new UserError(`--${name} ${JSON.stringify(text)} is not ${kind} from ${range.least} to ${range.most}`);
}

/**
 * The time that a run takes for now, microseconds since 1970. Python's clock has them, and its rows show them.
 * @throws UserError (exit 2) for a --now that is no time
 */
export function nowOf(options: Options, clockMs: number): number {
  const text = options.now;
  if (typeof text !== "string") return Math.round(clockMs * 1000);
  const micros = parseIso(text);
  if (micros !== null) return micros;
  throw new UserError(
    `--now ${JSON.stringify(text)} is no time of ISO 8601`,
    'write it as "2026-05-01T06:37:53+00:00"',
  );
}
