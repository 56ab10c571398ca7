// One line of stops.jsonl: what systemd and the kernel tell of a stop, and keeping it. Effects, no decisions.

import { closeSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { isoWall } from "../../core/clock.ts";
import { errorCode } from "../../core/failure.ts";
import { parseCgroup } from "../../core/linux/cgroup.ts";
import { isUnreadable, type Reading } from "../../core/reading.ts";
import { unitName } from "../../core/tools.ts";
import { appendLineDurable, readSmallFile, replaceDurable } from "../../os/files/sync-files.ts";
import { bootId, readParsed, readText } from "../../os/process/proc.ts";
import { oomKills } from "../diagnostic/snapshot.ts";
import { type StopRecord, shortText } from "./end-records.ts";
import { setAside } from "./ends-dir.ts";
import { FILES } from "./past-ends.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Where a stop is looked at. */
export interface StopPlace {
  tool: string;
  env: Env;
  /** Where proc/ and sys/ lie. */
  root: string;
  nowMs: number;
}

/** What is known of the stop of an invocation. ExecStopPost= runs in the cgroup of its unit: ours is the one that counts. */
export function stopRecord(invocation: string, { tool, env, root, nowMs }: StopPlace): StopRecord {
  const place = known(readParsed(root, `proc/${process.pid}/cgroup`, parseCgroup));
  const text = (name: string): string | null => (env[name] === undefined ? null : shortText(env[name]));
  return {
    run_id: invocation,
    at: isoWall(nowMs),
    boot_id: known(bootId(root)),
    uptime_s: known(readParsed(root, "proc/uptime", parseUptime)),
    unit: (place?.unit ?? `${unitName(tool)}.service`).replace(/\.service$/, ""),
    scope: place?.scope ?? "system",
    service_result: text("SERVICE_RESULT") ?? "",
    exit_code: text("EXIT_CODE"),
    exit_status: text("EXIT_STATUS"),
    oom_kills: known(oomKills(root, process.pid)),
    memory_max: memoryMax(root),
  };
}

function known<T>(reading: Reading<T>): T | null {
  return isUnreadable(reading) ? null : (reading as T);
}

function parseUptime(text: string): number | null {
  const seconds = Number.parseFloat(text);
  return Number.isFinite(seconds) ? seconds : null;
}

/** Version 1 writes a limit that is none as a number near 2^63. */
const NO_LIMIT = 2 ** 60;

/** The limit of our own cgroup, bytes; null: none, or not known. */
function memoryMax(root: string): number | null {
  const groups = readText(root, `proc/${process.pid}/cgroup`);
  if (isUnreadable(groups)) return null;
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1];
  const path = v1 === undefined ? `${parseCgroup(groups)?.path ?? ""}/memory.max` : `memory${v1}/memory.limit_in_bytes`;
  const limit = readParsed(root, `sys/fs/cgroup/${path}`, (text) => (/^\d+$/.test(text.trim()) ? Number(text) : null));
  return isUnreadable(limit) || limit >= NO_LIMIT ? null : limit;
}

/** stops.jsonl never grows beyond this, bytes; what is kept then is the newest part. */
const MOST_BYTES = 64 * 1024;
const KEEP_BYTES = 32 * 1024;
/** What somebody else has made it into is looked at up to here. */
const MOST_READ_BYTES = 1024 * MOST_BYTES;

/** The file is another's, which a run by hand may have made. */
const NOT_OURS: ReadonlySet<string> = new Set(["EACCES", "EPERM"]);

/** Appends a stop, durably; a file that is another's is replaced, a link or a pipe refused. @throws Error of the system */
export function appendStop(dir: string, stop: StopRecord): void {
  const path = join(dir, FILES.stops);
  const line = JSON.stringify(stop);
  const file = readSmallFile(path, MOST_READ_BYTES);
  if (file !== null && isUnreadable(file) && NOT_OURS.has(file.unreadable)) setAside(path);
  const size = lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
  // Two line breaks at most: one may be missing at the end.
  if (size + Buffer.byteLength(line) + 2 <= MOST_BYTES && appended(path, line)) return;
  const fd = replaceDurable(path, `${newest(path)}${line}\n`);
  closeSync(fd);
}

/** @returns false when the file is another's. @throws Error of the system */
function appended(path: string, line: string): boolean {
  try {
    appendLineDurable(path, line);
    return true;
  } catch (error) {
    if (NOT_OURS.has(errorCode(error) ?? "")) return false;
    throw error;
  }
}

/** The newest whole lines of a file. */
function newest(path: string): string {
  const file = readSmallFile(path, MOST_READ_BYTES);
  const bytes = Buffer.from(file === null || isUnreadable(file) ? "" : file.text);
  const tail = bytes.subarray(-KEEP_BYTES);
  const lines = (bytes.length === tail.length ? tail : tail.subarray(tail.indexOf("\n") + 1)).toString();
  // A power cut may have torn the last one.
  return lines === "" || lines.endsWith("\n") ? lines : `${lines}\n`;
}
