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

export interface Ticks {
  /** Writes one. Never throws: why it cannot is said once. */
  tick(isReady: boolean, wallMs: number): void;
  close(): void;
}

/** Opens the file, and makes it if there is none of that kind. */
export function openTicks(path: string, log: Log): Ticks {
  const said = new SaidOnce();
  const boot = bootId();
  let file: { fd: number; next: number } | null = null;
  const open = (): { fd: number; next: number } => {
    const fd = openRing(path);
    const last = parseTicks(readFileSync(fd, "latin1")).at(-1);
    return { fd, next: (last?.sequence ?? -1) + 1 };
  };
  return {
    tick(isReady, wallMs) {
      try {
        file ??= open();
        const line = formatTick({ sequence: file.next, wallMs, boot, uptimeS: readUptimeS(), isReady });
        writeSync(file.fd, line, placeOfTick(file.next));
        file.next += 1;
        said.isOver("");
      } catch (error) {
        if (errorCode(error) === null) throw error;
        if (said.isNews("", errorCode(error) ?? ""))
          log.warn(
            `no ticks are written to ${path}: ${quoted(errorText(error))}; silent hosts may be told when it was this collector that was down`,
          );
      }
    },
    close() {
      if (file !== null) closeSync(file.fd);
      file = null;
    },
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
