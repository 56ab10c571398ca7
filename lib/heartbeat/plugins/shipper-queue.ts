// How the shipper of this host stands, from the outside: its status file and the directories of its data root. It reads
// them tolerantly, since the shipper may be of another release.

import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { type CheckStatus, type QueueReport, worst } from "../../core/heartbeat.ts";
import { formatSeconds } from "../../core/units.ts";
import { isUnreadable, readText } from "../../os/proc.ts";
import { readSmallFile } from "../../os/sync-files.ts";
import type { Observation, Plugin } from "../plugin.ts";
import { type Limits, perf, statusOf } from "./thresholds.ts";

const HOUR_S = 3600;

export const QUEUE_POLICY: Record<"oldest" | "quarantined" | "held", Limits> = {
  oldest: {
    alert: "above",
    warning: 6 * HOUR_S,
    critical: 24 * HOUR_S,
    because: "a slow night is normal, a day is not",
  },
  quarantined: { alert: "above", warning: 0, critical: null, because: "refused episodes wait for a person" },
  held: { alert: "above", warning: 0, critical: null, because: "held episodes wait for a person" },
};

/** A status file older than this is not kept up, seconds: a pass over 100,000 episodes takes less. */
const STALE_S = 600;
/** Entries of one directory that are counted. */
const COUNT_MAX = 200_000;

export interface ShipperPlaces {
  /** [paths] data_root */
  dataRoot: string;
  /** Where status.json lies. */
  runDir: string;
}

export interface QueueView extends QueueReport {
  /** A shipper runs and says how it stands. */
  running: boolean;
  held: number;
  disk_low: boolean;
  /** Age of what it said last; null when it said nothing. */
  status_age_s: number | null;
  /** Directories that cannot be read, with the reason. */
  unreadable: string[];
}

/** @param saw is given what was seen at each collection, null when there is no data root: the heartbeat's `queue` */
export function queue(
  places: ShipperPlaces,
  saw: (report: QueueReport | null) => void = () => {},
  nowMs: () => number = Date.now,
): Plugin {
  return {
    name: "queue",
    initialise: () => true,
    collect: async () => {
      const view = await readQueue(places, nowMs());
      saw(view === null ? null : reportOf(view));
      if (view === null) return [{ status: "ok", message: `no shipper's data at ${places.dataRoot}` }];
      return [observe(view)];
    },
  };
}

/** Null where there is no data root: no shipper was ever started here. */
export async function readQueue({ dataRoot, runDir }: ShipperPlaces, nowMs: number): Promise<QueueView | null> {
  const unreadable: string[] = [];
  const count = async (name: string, counts: (entry: string, isDirectory: boolean) => boolean): Promise<number> => {
    const found = await countEntries(join(dataRoot, name), counts);
    if (typeof found === "number") return found;
    unreadable.push(`${name}: ${found.unreadable}`);
    return 0;
  };
  const episodes = await count("episodes", (name, isDirectory) => isDirectory && !name.startsWith("."));
  if (unreadable[0]?.endsWith("ENOENT") === true) return null;
  const live = readLive(runDir);
  const at = Date.parse(text(live.at) ?? "");
  const paused = record(live.paused);
  return {
    running: isAlive(live.pid),
    // Without a shipper nobody knows which of them are finished: all that lies there is to be shipped.
    pending: number(live.pending) ?? episodes,
    outbox: await count("outbox", (name) => name.endsWith(".tar.zst")),
    quarantined: await count("quarantine", (name, isDirectory) => isDirectory && !name.startsWith(".")),
    oldest_pending_s: number(live.oldest_pending_s),
    paused_reason: text(paused.detail) ?? text(paused.reason),
    held: number(live.held_count) ?? 0,
    disk_low: live.disk_low === true,
    status_age_s: Number.isNaN(at) ? null : Math.max(0, Math.round((nowMs - at) / 1000)),
    unreadable,
  };
}

function reportOf({ pending, outbox, quarantined, oldest_pending_s, paused_reason }: QueueView): QueueReport {
  return { pending, outbox, quarantined, oldest_pending_s, paused_reason };
}

/** What it means. Pure. */
export function observe(view: QueueView): Observation {
  const perfdata = [
    perf("pending", view.pending, ""),
    perf("outbox", view.outbox, ""),
    perf("oldest_pending", view.oldest_pending_s, "s", QUEUE_POLICY.oldest),
    perf("quarantined", view.quarantined, "", QUEUE_POLICY.quarantined),
    perf("held", view.held, "", QUEUE_POLICY.held),
  ];
  const found = troubles(view);
  const parts = [view.pending === 0 ? "nothing to ship" : `${view.pending} to ship`];
  if (view.oldest_pending_s !== null && view.pending > 0) parts.push(`oldest ${formatSeconds(view.oldest_pending_s)}`);
  if (view.quarantined > 0) parts.push(`${view.quarantined} in quarantine: shipper status shows why`);
  if (view.held > 0) parts.push(`${view.held} held: shipper status shows why`);
  const message = [...found.map(([, words]) => words), ...parts].join(", ");
  return { status: worst([statusOf(perfdata), ...found.map(([status]) => status)]), message, perfdata };
}

function troubles(view: QueueView): [CheckStatus, string][] {
  const found: [CheckStatus, string][] = [];
  if (!view.running) {
    const words = "the shipper does not run: systemctl status labfleet-shipper";
    found.push([view.pending > 0 ? "critical" : "warning", words]);
  } else if (view.status_age_s !== null && view.status_age_s > STALE_S) {
    found.push(["warning", `the shipper has said nothing for ${formatSeconds(view.status_age_s)}`]);
  }
  // Nothing arrives until somebody mends it.
  if (view.running && view.paused_reason !== null) found.push(["critical", `PAUSED: ${view.paused_reason}`]);
  if (view.disk_low) found.push(["warning", "disk low, packing waits"]);
  if (view.unreadable.length > 0) found.push(["unknown", `cannot be counted: ${view.unreadable.join(", ")}`]);
  return found;
}

async function countEntries(
  path: string,
  counts: (name: string, isDirectory: boolean) => boolean,
): Promise<number | { unreadable: string }> {
  try {
    let found = 0;
    // Entry by entry: a hundred thousand names at once would be memory for nothing.
    for await (const entry of await opendir(path)) {
      if (counts(entry.name, entry.isDirectory())) found++;
      if (found >= COUNT_MAX) break;
    }
    return found;
  } catch (error) {
    return { unreadable: errorCode(error) ?? "error" };
  }
}

/** More than a report ever has. */
const LIVE_BYTES = 256 * 1024;

/** Anything may have that name: a pipe must not hold us up. */
function readLive(runDir: string): Record<string, unknown> {
  const file = readSmallFile(join(runDir, "status.json"), LIVE_BYTES);
  if (file === null || isUnreadable(file)) return {};
  try {
    return record(JSON.parse(file.text));
  } catch {
    return {};
  }
}

/** Names of a shipper's process: the executable, or Bun where it runs from source. */
const NAMES = ["shipper", "bun", "bun.exe"];

/** A pid is used again: it must still be a shipper. */
function isAlive(pid: unknown): boolean {
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return false;
  const name = readText("/", `proc/${pid}/comm`);
  return !isUnreadable(name) && NAMES.includes(name.trim());
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
