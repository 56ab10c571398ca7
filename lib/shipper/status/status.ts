// What lies in the data root, and what the running shipper says of itself: for `shipper status` and for programs (`--json`).

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Dirs } from "../../contract/places.ts";
import { STATUS_REPORT } from "../../contract/places.ts";
import { isAnswering, parseShipperStatus, type ShipperStatus } from "../../contract/shipper-status.ts";
import { UserError } from "../../core/failure.ts";
import { findingText, fixOrNull, fixText } from "../../core/finding.ts";
import { isUnreadable } from "../../core/reading.ts";
import { lockHolder } from "../../os/files/lock.ts";
import { fullRunDir } from "../../os/files/run-file.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import { startFailure } from "../../os/process/start-failure.ts";
import { readUptimeS } from "../../os/uptime.ts";
import { type EndReport, readEnds } from "../../runtime/ends/ends.ts";
import { readDocument } from "../episode/document.ts";
import { scanEpisodes } from "../intake/scan.ts";
import { listDoomed } from "../retention/removal.ts";
import type { ShipperConfig } from "../settings.ts";
import { type Pin, readPin } from "../trust/pin.ts";
import { leftOverFix, rejectionFix } from "../words/remedies.ts";

/** A refused episode. */
export interface Quarantined {
  episode: string;
  reason: string;
  detail: string | null;
  /** What mends it, in one line. */
  fix: string;
}

/** What is no episode, or none that would ever be shipped. */
export interface NoEpisode {
  name: string;
  problem: string;
  fix: string | null;
}

/** What `shipper status --json` prints. */
export interface Status {
  host_id: string;
  receiver: string;
  /** Whom this host trusts to judge its episodes; null before the first receipt. */
  receiver_id: string | null;
  /** Why that cannot be told; null when it can. */
  pin_unreadable: string | null;
  data_root: string;
  /** Whether a process holds the lock of the data root, and which one. */
  running: boolean;
  pid: number | null;
  /** False for one that holds the lock and has not reported for three of its intervals. */
  answering: boolean;
  /** Its own report; null when it does not run, or has written none yet. */
  live: ShipperStatus | null;
  /** Why it cannot report, with what mends it, in one line; null: nothing is known against it. */
  report_problem: string | null;
  /** Finished and not shipped, by what lies on the disk. */
  pending: number;
  recording: number;
  /** What stands in episodes/ and cannot be shipped as it is; a daemon that runs says the same, with all that it holds. */
  problems: NoEpisode[];
  shipped: number;
  quarantined: Quarantined[];
  /** What is left of removed episodes and cannot be removed, each with what mends it. */
  left_over: { path: string; fix: string }[];
  /** How the last run ended; null before there was one. */
  last_end: EndReport | null;
  /** Why systemd could not start it (`217/USER`); null: nothing is known of that. */
  start_failure: string | null;
}

/** Gathers the status from the disk and, where a daemon runs, from its own report. */
export async function readStatus(config: ShipperConfig, dirs: Dirs): Promise<Status> {
  const pid = lockHolder({ tool: "shipper", dataRoot: config.dataRoot, runDir: config.runDir });
  const scan = await scanEpisodes(dirs.episodes, () => false);
  const live = pid === null ? null : readLive(config.runDir, pid);
  const answering = live === null || isAnswering(live, readUptimeS());
  const pin = await readPin(config.dataRoot).catch(sentenceOf);
  return {
    host_id: config.hostId,
    receiver: config.receiver.url,
    receiver_id: isPin(pin) ? pin.receiver_id : null,
    pin_unreadable: typeof pin === "string" ? pin : null,
    data_root: config.dataRoot,
    running: pid !== null,
    pid,
    answering,
    live,
    report_problem: pid === null || (live !== null && answering) ? null : reportProblem(config.runDir),
    pending: scan.finished.length,
    recording: scan.recording,
    problems: scan.problems.map(({ name, problem, fix }) => ({
      name,
      problem,
      fix: fixOrNull(fix),
    })),
    shipped: (await directories(dirs.shipped)).length,
    quarantined: await Promise.all((await directories(dirs.quarantine)).map((name) => quarantined(dirs, name))),
    left_over: (await listDoomed(dirs)).map((path) => ({ path, fix: fixText(leftOverFix(path)) })),
    last_end: readEnds(join(config.dataRoot, "ends")).last,
    start_failure: pid === null ? await startFailure("shipper") : null,
  };
}

function reportProblem(runDir: string): string | null {
  const full = fullRunDir(runDir);
  return full === null ? null : findingText(full);
}

/** What cannot be read, with what mends it. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof UserError)) throw error;
  return findingText({ what: error.message, fix: error.fix });
}

async function quarantined(dirs: Dirs, episode: string): Promise<Quarantined> {
  const document = await readDocument(join(dirs.quarantine, episode), "quarantine");
  const { reason, detail } = rejectionOf(document);
  return { episode, reason, detail, fix: fixText(rejectionFix(reason, episode)) };
}

/** Reason and detail in a rejection.json's text. Pure. */
export function rejectionOf(document: string | null): { reason: string; detail: string | null } {
  try {
    const value: unknown = JSON.parse(document ?? "null");
    const { reason, detail } =
      typeof value === "object" && value !== null
        ? { reason: null, detail: null, ...value }
        : { reason: null, detail: null };
    return {
      reason: typeof reason === "string" ? reason : "unknown",
      detail: typeof detail === "string" ? detail : null,
    };
  } catch {
    return { reason: "unknown", detail: null };
  }
}

function isPin(pin: Pin | string | null): pin is Pin {
  return typeof pin === "object" && pin !== null;
}

async function directories(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  return entries.filter((e) => e.isDirectory() && !e.name.startsWith(".")).map((e) => e.name);
}

/** Forty episodes with their reasons are far less, bytes. */
const LIVE_BYTES = 1024 * 1024;

/** The report of the process that holds the lock; one of another is what a killed daemon left. */
function readLive(runDir: string, holder: number): ShipperStatus | null {
  const file = readSmallFile(join(runDir, STATUS_REPORT), LIVE_BYTES);
  if (file === null || isUnreadable(file)) return null;
  const live = parseShipperStatus(file.text);
  return live?.pid === holder ? live : null;
}
