// One instance: flock(2) on the data root itself, so that two daemons with different run directories cannot share
// their data, and a pid file in the run directory for whoever wants to know who holds it.

import { constants, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorText, UserError } from "../core/failure.ts";
import { tryLock } from "./libc.ts";

/**
 * Locks a data root for the life of this process; the kernel lets go when the process ends, however it ends.
 * @throws UserError when another process holds it or a directory cannot be used
 */
export function lockDataRoot(tool: string, dataRoot: string, runDir: string): void {
  let fd: number;
  try {
    mkdirSync(runDir, { recursive: true, mode: 0o755 });
    // O_CLOEXEC is Bun's default: a child never keeps the lock alive.
    fd = openSync(dataRoot, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw new UserError(
      `cannot use ${dataRoot} and ${runDir}: ${errorText(error)}`,
      "check that both exist and belong to the service's user",
    );
  }
  if (!tryLock(fd)) {
    const holder = pidOf(runDir);
    throw new UserError(
      `another ${tool} is at work on ${dataRoot}${holder === null ? "" : ` (pid ${holder})`}`,
      `stop it first, for example: systemctl stop labfleet-${tool}`,
    );
  }
  writeFileSync(join(runDir, "pid"), `${process.pid}\n`, { mode: 0o644 });
}

function pidOf(runDir: string): string | null {
  try {
    return /^\d+/.exec(readFileSync(join(runDir, "pid"), "utf8"))?.[0] ?? null;
  } catch {
    return null;
  }
}
