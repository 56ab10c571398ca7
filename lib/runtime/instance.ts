// One daemon at a time on a data root: takes the lock, or with --replace asks the one that has it to stop and waits.

import { parseCgroup } from "../core/cgroup.ts";
import { EXIT } from "../core/exit.ts";
import { errorCode, UserError } from "../core/failure.ts";
import { formatSeconds } from "../core/units.ts";
import { heldBy, type Instance, type Lock, lockHolder, openLock, writePid } from "../os/lock.ts";
import { readParsed } from "../os/proc.ts";
import { removeMarkers, writeMarker } from "./forensics/markers.ts";
import type { Log } from "./log.ts";

const POLL_MS = 20;

export interface TakeOptions extends Instance {
  replace: boolean;
  /** How long the old one may take to stop, seconds: its stop budget. */
  waitS: number;
  log: Log;
}

/**
 * Takes the lock for the life of this process.
 * @throws UserError when another daemon has it and is not to be replaced, or does not go
 */
export async function takeInstance(options: TakeOptions): Promise<void> {
  const lock = openLock(options);
  if (!lock.take()) {
    const holder = lockHolder(options);
    if (!options.replace || holder === null) throw heldBy(options, holder);
    await replace(options, lock, holder);
  }
  writePid(options);
  removeMarkers(options.runDir, process.pid);
}

async function replace(options: TakeOptions, lock: Lock, holder: number): Promise<void> {
  const { tool, runDir, waitS, log } = options;
  const unit = unitOf(holder);
  if (unit !== null) {
    log.warn(`pid ${holder} is ${unit}: systemd will start it again beside us; fix: systemctl restart ${unit}`);
  }
  log.info(`taking the place of pid ${holder}, which may take ${formatSeconds(waitS)} to stop`);
  writeMarker(runDir, "takeover", {
    target_pid: holder,
    replacer_pid: process.pid,
    at: new Date().toISOString(),
  });
  askToStop(tool, holder);
  const deadline = performance.now() + waitS * 1000;
  while (!lock.take()) {
    if (performance.now() > deadline) {
      throw new UserError(
        `the ${tool} with pid ${holder} has not stopped within ${formatSeconds(waitS)}`,
        `wait for it, or end it: kill -KILL ${holder} (what it was shipping is shipped again, nothing is lost)`,
        EXIT.undelivered,
      );
    }
    await Bun.sleep(POLL_MS);
  }
  log.info(`pid ${holder} has gone`);
}

/** SIGTERM to a daemon. One that is gone already is fine. */
export function askToStop(tool: string, pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if (errorCode(error) === "ESRCH") return;
    throw new UserError(
      `cannot stop the ${tool} with pid ${pid}: ${errorCode(error)}`,
      "run this as root or as its user",
    );
  }
}

/** The service that a process belongs to, or null. */
export function unitOf(pid: number): string | null {
  const place = readParsed("/", `proc/${pid}/cgroup`, parseCgroup);
  return "unit" in place && place.unit?.endsWith(".service") === true ? place.unit : null;
}
