// Whether the shipper of this host runs, and what it says of itself: its report, its process, and a clock that never jumps. What
// is no report of this release says nothing.

import { join } from "node:path";
import { STATUS_REPORT } from "../../contract/places.ts";
import { isAnswering, parseShipperStatus, type ShipperStatus } from "../../contract/shipper-status.ts";
import type { Finding } from "../../core/finding.ts";
import { isUnreadable } from "../../core/reading.ts";
import { lockHolder } from "../../os/files/lock.ts";
import { fullRunDir } from "../../os/files/run-file.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import { readText, startTicks } from "../../os/process/proc.ts";

/**
 * `starting`: it runs since less than a minute, or the machine does, or it was there a moment ago; `silent`: its process is there,
 * and it does not answer.
 */
export type ShipperState = "running" | "starting" | "silent" | "stopped";

export interface ShipperPlaces {
  /** [paths] data_root */
  dataRoot: string;
  /** Where status.json lies. */
  runDir: string;
}

/** This moment: the wall clock, milliseconds since 1970, and CLOCK_BOOTTIME, seconds. */
export interface Now {
  wallMs: number;
  uptimeS: number;
}

export interface ShipperView {
  state: ShipperState;
  pid: number | null;
  /** Its own report; null where there is none of this release. One of a shipper that is gone is none. */
  live: ShipperStatus | null;
  /** Age of its report, seconds; null: there is none. */
  ageS: number | null;
  /** Why there is no report though it runs; null: there is one, or nothing to say. */
  problem: Finding | null;
}

/** Forty episodes with their reasons are far less, bytes. */
const LIVE_BYTES = 1024 * 1024;

export function readShipper(places: ShipperPlaces, now: Now): ShipperView {
  const report = readReport(places.runDir);
  const { status } = report;
  const holder = status !== null && isShipper(status.pid) ? status.pid : lockHolder({ tool: "shipper", ...places });
  // A process that took over, or an older one's last words.
  const live = status !== null && status.pid === holder ? status : null;
  const state = stateOf({
    isAlive: holder !== null,
    startedS: holder === null ? null : startedS(holder),
    isAnswering: live === null ? null : isAnswering(live, now.uptimeS),
    isOther: report.problem !== null,
    lastSignS: report.mtimeMs === null ? null : (now.wallMs - report.mtimeMs) / 1000,
    uptimeS: now.uptimeS,
  });
  const full = state === "silent" ? fullRunDir(places.runDir) : null;
  const unread = report.problem === null ? null : { what: report.problem, fix: null };
  const why = full === null ? unread : { what: `it cannot report: ${full.what}`, fix: full.fix };
  return {
    // Whether it works is not known then, and a restart would not even get to its pid file.
    state: full === null ? state : "running",
    pid: holder,
    live,
    ageS: live === null ? null : Math.max(0, Math.round(now.uptimeS - live.uptime_s)),
    problem: holder === null ? null : why,
  };
}

interface Signs {
  isAlive: boolean;
  /** When its process began, seconds since boot; null: not known. */
  startedS: number | null;
  /** Null: there is no report of it. */
  isAnswering: boolean | null;
  /** There is something in its report's place that cannot be read. */
  isOther: boolean;
  /** Age of what lies in its report's place, by the wall clock, seconds; null: nothing does. */
  lastSignS: number | null;
  uptimeS: number;
}

/** So long after a boot or a start nothing is missed, seconds: a hundred thousand episodes are read first. */
const STARTING_S = 60;

/** Pure. */
export function stateOf({ isAlive, startedS, isAnswering, isOther, lastSignS, uptimeS }: Signs): ShipperState {
  const isYoung = (ageS: number | null): boolean => ageS !== null && ageS >= 0 && ageS < STARTING_S;
  if (!isAlive) return isYoung(uptimeS) || isYoung(lastSignS) ? "starting" : "stopped";
  if (isYoung(startedS === null ? null : uptimeS - startedS)) return "starting";
  if (isOther) return "running";
  return isAnswering === true ? "running" : "silent";
}

interface Report {
  status: ShipperStatus | null;
  mtimeMs: number | null;
  problem: string | null;
}

/** Anything may have that name: a pipe must not hold us up. */
function readReport(runDir: string): Report {
  const path = join(runDir, STATUS_REPORT);
  const file = readSmallFile(path, LIVE_BYTES);
  if (file === null) return { status: null, mtimeMs: null, problem: null };
  if (isUnreadable(file)) return { status: null, mtimeMs: null, problem: `${path} cannot be read: ${file.unreadable}` };
  const { text, mtimeMs } = file;
  const status = parseShipperStatus(text);
  // What one that ends leaves.
  const isNone = status === null && text.trim() === "null";
  return { status, mtimeMs, problem: status !== null || isNone ? null : `${path} is of another release` };
}

/** Names of a shipper's process: the executable, or Bun where it runs from source. */
const NAMES = ["shipper", "bun", "bun.exe"];

/** A pid is used again: it must still be a shipper. */
function isShipper(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  const name = readText("/", `proc/${pid}/comm`);
  return !isUnreadable(name) && NAMES.includes(name.trim());
}

/** Clock ticks of /proc a second: sysconf(_SC_CLK_TCK) is 100 wherever Linux runs our builds (proc(5), time(7)). */
const TICKS = 100;

function startedS(pid: number): number | null {
  const ticks = startTicks("/", pid);
  return isUnreadable(ticks) ? null : ticks / TICKS;
}
