// What the shipper is doing, for systemd's status line, for `shipper status` and for programs (`--json`).

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { printable } from "../core/printable.ts";
import { formatSeconds } from "../core/units.ts";
import { readIfExists } from "../os/files.ts";
import { type EndReport, readEnds } from "../runtime/forensics/ends.ts";
import { readDocument } from "./document.ts";
import type { Engine } from "./engine.ts";
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
  running: boolean;
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
  const held = [...problems.map(({ name, problem, fix }) => ({ episode: name, reason: `${problem}; fix: ${fix}` }))];
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
  const live = await readLive(config.runDir);
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
    running: live !== null,
    live,
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
    `shipper    ${live === null ? "not running" : `running (pid ${live.pid}): ${statusLine(live)}`}`,
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

async function readLive(runDir: string): Promise<LiveStatus | null> {
  const text = await readIfExists(join(runDir, "status.json"));
  if (text === null) return null;
  try {
    const live: LiveStatus = JSON.parse(text);
    process.kill(live.pid, 0);
    return live;
  } catch (error) {
    // EPERM: it lives, and belongs to another user.
    return error instanceof Error && "code" in error && error.code === "EPERM"
      ? (JSON.parse(text) as LiveStatus)
      : null;
  }
}
