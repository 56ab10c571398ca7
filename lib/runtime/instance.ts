// One daemon at a time on a data root: takes the lock, or with --replace asks the one that has it to stop and waits.

import { closeSync, constants, openSync } from "node:fs";
import { EXIT } from "../core/exit.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { byCommands, here } from "../core/finding.ts";
import { parseCgroup } from "../core/linux/cgroup.ts";
import { isUnreadable } from "../core/reading.ts";
import { quoted } from "../core/text/fields.ts";
import { formatSeconds } from "../core/text/quantity.ts";
import { tryLock } from "../os/file-calls.ts";
import {
  heldBy,
  holdersBudgetS,
  type Instance,
  type Lock,
  lockHolder,
  makeRunDir,
  openLock,
  writePid,
} from "../os/files/lock.ts";
import { refusedFix } from "../os/process/as-typed.ts";
import { run } from "../os/process/exec.ts";
import { readParsed } from "../os/process/proc.ts";
import type { Log } from "./log/log.ts";
import { MARKER_KINDS, type Marker, type MarkerKind, readMarker, removeMarkers, writeMarker } from "./markers.ts";

const POLL_MS = 20;
const TURN_MS = 5000;
/** Beyond its stop budget: a daemon that quits by itself at the end of it shall not just have been given up. */
const MARGIN_S = 5;

export interface TakeOptions extends Instance {
  replace: boolean;
  /** Our own stop budget, seconds: that of the old one if it does not say its own. */
  waitS: number;
  log: Log;
}

/**
 * Takes the lock for the life of this process.
 * @throws UserError when another daemon has it and is not to be replaced, or does not go
 */
export async function takeInstance(options: TakeOptions): Promise<void> {
  makeRunDir(options);
  const lock = openLock(options);
  if (!lock.take()) {
    const holder = lockHolder(options);
    if (!options.replace || holder === null) throw heldBy(options, holder);
    const said = (problem: string): void => options.log.warn(problem);
    options.log.info(`taking the place of pid ${holder}`);
    await endHolder(options, lock, holder, {
      kind: "takeover",
      marker: { target_pid: holder, replacer_pid: process.pid },
      said,
    });
    options.log.info(`pid ${holder} has gone`);
  }
  const problem = writePid(options, options.waitS);
  if (problem !== null) options.log.warn(problem);
  removeMarkers(options.runDir, process.pid);
}

export interface Ending {
  /** The note that it finds. */
  kind: MarkerKind;
  marker: Marker;
  /** Told of what is in the way and does not matter. */
  said: (problem: string) => void;
}

/**
 * Asks the holder of the lock to stop, waits for it, and takes the lock.
 * @throws UserError when systemd runs it, when it may not be stopped, when it does not go, or when another takes its place
 */
export async function endHolder(
  options: Instance & { waitS: number },
  lock: Lock,
  holder: number,
  ending: Ending,
): Promise<void> {
  const { tool, runDir } = options;
  const unit = await unitOf(holder);
  if (unit !== null) {
    const verb = ending.kind === "takeover" ? "restart" : "stop";
    throw new UserError(
      `the ${tool} with pid ${holder} is ${unit}, which systemd would start again`,
      byCommands(here("sudo", "systemctl", verb, unit)),
    );
  }
  const turn = await ownTurn(runDir);
  try {
    // A second SIGTERM would break its drain off: whoever asked first has asked for all.
    if (!isToldAlready(runDir, holder)) tell(tool, runDir, holder, ending);
  } finally {
    if (turn !== null) closeSync(turn);
  }
  await waitForLock(options, lock, holder);
}

/** Of two that ask at once one looks whether it was told when the other has told it. @returns what to close; null: it has to do without */
async function ownTurn(runDir: string): Promise<number | null> {
  let fd: number;
  try {
    fd = openSync(runDir, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
  // Whoever has it needs it for a moment; one that was stopped in that moment keeps nobody waiting.
  const deadline = performance.now() + TURN_MS;
  while (!tryLock(fd) && performance.now() < deadline) await Bun.sleep(POLL_MS);
  return fd;
}

function tell(tool: string, runDir: string, holder: number, { kind, marker, said }: Ending): void {
  try {
    writeMarker(runDir, kind, { ...marker, at: new Date().toISOString() });
  } catch (error) {
    said(`cannot leave a note for it: ${quoted(errorText(error))}`);
  }
  askToStop(tool, holder);
}

function isToldAlready(runDir: string, holder: number): boolean {
  return MARKER_KINDS.some((kind) => {
    const found = readMarker(runDir, kind, holder);
    return found !== null && !isUnreadable(found) && found.names === "self";
  });
}

async function waitForLock(options: Instance & { waitS: number }, lock: Lock, holder: number): Promise<void> {
  const { tool } = options;
  const limitS = Math.max(options.waitS, holdersBudgetS(options) ?? 0) + MARGIN_S;
  const deadline = performance.now() + limitS * 1000;
  while (!lock.take()) {
    const now = lockHolder(options);
    if (now !== null && now !== holder) {
      throw new UserError(
        `pid ${holder} has stopped, and another ${tool} (pid ${now}) has taken its place first`,
        "run this again if that one shall go too",
        EXIT.undelivered,
      );
    }
    if (performance.now() > deadline) {
      throw new UserError(
        `the ${tool} with pid ${holder} has not stopped within ${formatSeconds(limitS)}`,
        {
          text: "wait for it, or end it (what it was doing is done again, nothing is lost)",
          commands: [here("kill", "-KILL", String(holder))],
        },
        EXIT.undelivered,
      );
    }
    await Bun.sleep(POLL_MS);
  }
}

function askToStop(tool: string, pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if (errorCode(error) === "ESRCH") return;
    throw new UserError(
      `cannot stop the ${tool} with pid ${pid}: ${errorCode(error)}`,
      refusedFix(errorCode(error)),
      EXIT.undelivered,
    );
  }
}

/** How long systemctl may take to answer, milliseconds. */
const ASK_MS = 5000;

/** The service that a process is the main process of, or null: what cron started runs in cron's cgroup and is no service. */
async function unitOf(pid: number): Promise<string | null> {
  const place = readParsed("/", `proc/${pid}/cgroup`, parseCgroup);
  if (isUnreadable(place) || place.unit?.endsWith(".service") !== true) return null;
  const scope = place.scope === "user" ? ["--user"] : [];
  const asked = await run(["systemctl", ...scope, "show", "--value", "--property=MainPID", place.unit], {
    timeoutMs: ASK_MS,
    env: process.env.XDG_RUNTIME_DIR === undefined ? {} : { XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR },
  });
  // Another user's manager cannot be asked: then its cgroup is believed.
  if (asked.kind === "failed" || asked.code !== 0) return place.unit;
  return asked.stdout.trim() === String(pid) ? place.unit : null;
}
