// Writes down once a minute that the receiver runs, for whoever has to tell a silent host from a collector that was down
// (contract/tick.ts). Nothing is flushed: a power cut costs the last ticks, and so a minute or two that do not count.

import { closeSync, constants, fstatSync, openSync, readFileSync, writeSync } from "node:fs";
import { formatTick, noTicks, parseTicks, placeOfTick, TICK_BYTES, TICKS } from "../../contract/tick.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { isUnreadable } from "../../core/reading.ts";
import { SaidOnce } from "../../core/said-once.ts";
import { quoted } from "../../core/text/fields.ts";
import { replaceDurable } from "../../os/files/sync-files.ts";
import { readText } from "../../os/process/proc.ts";
import { readUptimeS } from "../../os/uptime.ts";
import type { Log } from "../../runtime/log/log.ts";
import { HERE, type NeedHere } from "../disk/presence.ts";

/** Writes one. Never throws: why it cannot is said once. */
export type WriteTick = (isReady: boolean, wallMs: number) => void;

/**
 * Makes the file at the first tick if there is none of that kind. It is opened anew for each: a disk that was pulled and has come back
 * is another one to whoever has a file of it open.
 * @param needHere asked before anything is made
 */
export function openTicks(path: string, log: Log, needHere: NeedHere = HERE): WriteTick {
  const said = new SaidOnce();
  const boot = bootId();
  let last: { inode: number; sequence: number } | null = null;
  const write = (isReady: boolean, wallMs: number): void => {
    needHere();
    const fd = openRing(path);
    try {
      const { ino } = fstatSync(fd);
      const before =
        last?.inode === ino ? last.sequence : (parseTicks(readFileSync(fd, "latin1")).at(-1)?.sequence ?? -1);
      const sequence = before + 1;
      const line = formatTick({ sequence, wallMs, boot, uptimeS: readUptimeS(), isReady });
      writeSync(fd, line, placeOfTick(sequence));
      last = { inode: ino, sequence };
    } finally {
      closeSync(fd);
    }
  };
  return (isReady, wallMs) => {
    try {
      write(isReady, wallMs);
      said.isOver("");
    } catch (error) {
      const code = errorCode(error);
      if (code === null) throw error;
      const what = `no ticks are written to ${path}: ${quoted(errorText(error))}; silent hosts may be told when it was this collector that was down`;
      if (said.isNews("", code)) log.warn(what);
    }
  };
}

function openRing(path: string): number {
  const fd = openAsIs(path);
  if (fd !== null && fstatSync(fd).size === TICK_BYTES * TICKS) return fd;
  if (fd !== null) closeSync(fd);
  return replaceDurable(path, noTicks());
}

function openAsIs(path: string): number | null {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

function bootId(): string {
  const text = readText("/", "proc/sys/kernel/random/boot_id");
  return isUnreadable(text) ? "" : text.replaceAll("-", "").trim();
}
