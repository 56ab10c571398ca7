// What the shipper is doing, for systemd's status line, for `shipper status` and for programs (`--json`).

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { printable } from "../core/printable.ts";
import { type Check, hasFields, isFlag, isNumber, isText, listOf, orNull, parseShaped } from "../core/shape.ts";
import { formatSeconds } from "../core/units.ts";
import { lockHolder } from "../os/lock.ts";
import { isUnreadable } from "../os/proc.ts";
import { readSmallFile } from "../os/sync-files.ts";
import { type EndReport, readEnds } from "../runtime/forensics/ends.ts";
import { readDocument } from "./document.ts";
import type { Engine } from "./engine.ts";
import { withFix } from "./hindrance.ts";
import { scanEpisodes } from "./scan.ts";
import type { ShipperConfig } from "./settings.ts";
import type { Dirs } from "./settle.ts";

const HELD_SHOWN = 20;

/** The live part, written by the daemon to `<run_dir>/status.json`. Times in UTC, ages in seconds. */
export interface LiveStatus {
  pid: number;
  at: string;
  pending: number;
  packed: number;
  sending: number;
  retrying: number;
  /** At most 20 of them; `held_count` says how many there are. */
  held: { episode: string; reason: string }[];
  held_count: number;
  recording: number;
  oldest_pending_s: number | null;
  paused: { kind: string; reason: string; detail: string; retry_in_s: number } | null;
  disk_low: boolean;
  delivered_since_start: number;
  quarantined_since_start: number;
}

/** What `shipper status --json` prints. */
export interface Status {
  host_id: string;
  receiver: string;
  data_root: string;
  /** Whether a process holds the lock of the data root, and which one. */
  running: boolean;
  pid: number | null;
  /** Its own report; null when it does not run, or has written none yet. */
  live: LiveStatus | null;
  /** Finished and not shipped, by what lies on the disk. */
  pending: number;
  recording: number;
  shipped: number;
  quarantined: { episode: string; reason: string }[];
  /** How the last run ended; null before there was one. */
  last_end: EndReport | null;
}

/** The daemon's own view of itself. */
export function liveStatus(engine: Engine, wallMs: number, nowMs: number): LiveStatus {
  const { queue } = engine;
  const { pause } = engine.breaker;
  const counts = queue.counts();
  return {
    pid: process.pid,
    at: new Date(wallMs).toISOString(),
    pending: counts.pending,
    packed: counts.packed,
    sending: counts.sending,
    retrying: counts.retrying,
    held: heldEpisodes(engine),
    held_count: counts.held + engine.problems.length,
    recording: engine.recording,
    oldest_pending_s:
      counts.oldestFinishedMs === null ? null : Math.max(0, Math.round((wallMs - counts.oldestFinishedMs) / 1000)),
    paused:
      pause === null
        ? null
        : {
            kind: pause.kind,
            reason: pause.reason,
            detail: pause.detail,
            retry_in_s: Math.max(0, Math.round((pause.untilMs - nowMs) / 1000)),
          },
    disk_low: engine.room.diskLow,
    delivered_since_start: engine.delivered,
    quarantined_since_start: engine.quarantined,
  };
}

/** Those that a person has to look at; the first so many, since there may be 100,000. */
function heldEpisodes({ queue, problems }: Engine): LiveStatus["held"] {
  const held = problems.map(({ name, problem, fix }) => ({ episode: name, reason: withFix(problem, fix) }));
  for (const { id, reason } of queue.inStage("held")) {
    if (held.length >= HELD_SHOWN) break;
    held.push({ episode: id, reason: reason ?? "" });
  }
  return held.slice(0, HELD_SHOWN);
}

/** One line for `systemctl status`. Pure. */
export function statusLine(live: LiveStatus): string {
  const parts = [live.pending === 0 ? "nothing to ship" : `${live.pending} to ship`];
  if (live.oldest_pending_s !== null && live.pending > 0) parts.push(`oldest ${formatSeconds(live.oldest_pending_s)}`);
  if (live.sending > 0) parts.push(`${live.sending} under way`);
  if (live.retrying > 0) parts.push(`${live.retrying} waiting to be tried again`);
  if (live.held_count > 0) parts.push(`${live.held_count} held: ${live.held[0]?.reason ?? ""}`);
  if (live.disk_low) parts.push("disk low, packing waits");
  if (live.paused !== null) parts.push(`PAUSED: ${live.paused.detail}`);
  return printable(parts.join(", "));
}

/** Gathers the status from the disk and, where a daemon runs, from its own report. */
export async function readStatus(config: ShipperConfig, dirs: Dirs): Promise<Status> {
  const pid = lockHolder({ tool: "shipper", dataRoot: config.dataRoot, runDir: config.runDir });
  const scan = await scanEpisodes(dirs.episodes, () => false);
  const quarantine = await directories(dirs.quarantine);
  const quarantined = await Promise.all(
    quarantine.map(async (episode) => ({
      episode,
      reason: reasonOf(await readDocument(join(dirs.quarantine, episode), "quarantine")),
    })),
  );
  return {
    host_id: config.hostId,
    receiver: config.receiver.url,
    data_root: config.dataRoot,
    running: pid !== null,
    pid,
    live: pid === null ? null : readLive(config.runDir, pid),
    pending: scan.finished.length,
    recording: scan.recording,
    shipped: (await directories(dirs.shipped)).length,
    quarantined,
    last_end: readEnds(join(config.dataRoot, "ends")).last,
  };
}

/** The table a person reads. Pure. */
export function renderStatus(status: Status): string {
  const { live } = status;
  const lines = [
    `host       ${status.host_id} -> ${status.receiver}`,
    `shipper    ${activity(status)}`,
    `to ship    ${status.pending}${status.recording > 0 ? ` (and ${status.recording} being recorded)` : ""}`,
    `shipped    ${status.shipped} still on this host`,
    `refused    ${status.quarantined.length} in quarantine`,
    `last end   ${status.last_end === null ? "none is known" : printable(status.last_end.sentence)}`,
  ];
  for (const { episode, reason } of status.quarantined.slice(0, 10))
    lines.push(printable(`           ${episode}: ${reason}`));
  if (status.quarantined.length > 10)
    lines.push(`           … and ${status.quarantined.length - 10} more: --json lists all`);
  if (status.quarantined.length > 0) lines.push("           when mended: shipper requeue <id>…, or --all [--reason R]");
  for (const { episode, reason } of live?.held ?? []) lines.push(printable(`held       ${episode}: ${reason}`));
  return lines.join("\n");
}

function activity({ pid, live }: Status): string {
  if (pid === null) return "not running";
  return `running (pid ${pid}): ${live === null ? "starting" : statusLine(live)}`;
}

/** The reason in a rejection.json's text. Pure. */
export function reasonOf(document: string | null): string {
  try {
    const value: unknown = JSON.parse(document ?? "null");
    const reason = typeof value === "object" && value !== null && "reason" in value ? value.reason : null;
    return typeof reason === "string" ? reason : "unknown";
  } catch {
    return "unknown";
  }
}

async function directories(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((e) => e.isDirectory() && !e.name.startsWith(".")).map((e) => e.name);
}

/** Twenty held episodes with their reasons are far less, bytes. */
const LIVE_BYTES = 1024 * 1024;

/** The report of the process that holds the lock; one of another is what a killed daemon left. */
function readLive(runDir: string, holder: number): LiveStatus | null {
  const file = readSmallFile(join(runDir, "status.json"), LIVE_BYTES);
  if (file === null || isUnreadable(file)) return null;
  const live = parseLive(file.text);
  return live?.pid === holder ? live : null;
}

/** Reads a live report; null for what is none, or of a version that reports other things. Pure. */
export function parseLive(text: string): LiveStatus | null {
  return parseShaped(text, isLive);
}

const isHeld = hasFields({ episode: isText, reason: isText });
const LIVE_CHECKS: Readonly<Record<keyof LiveStatus, Check>> = {
  pid: isNumber,
  at: isText,
  pending: isNumber,
  packed: isNumber,
  sending: isNumber,
  retrying: isNumber,
  held: listOf(isHeld),
  held_count: isNumber,
  recording: isNumber,
  oldest_pending_s: orNull(isNumber),
  paused: orNull(hasFields({ kind: isText, reason: isText, detail: isText, retry_in_s: isNumber })),
  disk_low: isFlag,
  delivered_since_start: isNumber,
  quarantined_since_start: isNumber,
};

function isLive(value: unknown): value is LiveStatus {
  return hasFields(LIVE_CHECKS)(value);
}
