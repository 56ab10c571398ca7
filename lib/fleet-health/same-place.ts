// Two things in one place: alerts that are appended to the index, or state that is written over the configuration.

import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode, UserError } from "../core/failure.ts";
import type { FleetHealthConfig } from "./settings.ts";

/**
 * @param configPath the configuration that is read; null: none is
 * @throws UserError (exit 2) where two things are to be one file, by whatever name
 */
export function refuseSame(config: FleetHealthConfig, configPath: string | null): void {
  const { indexPath, alertsPath, attemptsDir, stateDir, heartbeatsDir, hostsPath, duplicatesPath, ticksPath } = config;
  const places: [what: string, path: string | null][] = [
    ["the configuration", configPath],
    ["the index (--index-path)", indexPath],
    ["the attempts (--attempts-dir)", attemptsDir],
    ...[heartbeatsDir, hostsPath, duplicatesPath, ticksPath].map((path): [string, string] => [
      "a file of the receiver",
      path,
    ]),
    ["the alerts (--alerts-path)", alertsPath],
    ["the state (--state-path)", stateDir],
  ];
  const known = new Map<string, string>();
  for (const [what, path] of places) {
    if (path === null) continue;
    const same = identityOf(path);
    const other = known.get(same);
    if (other !== undefined) throw new UserError(`${path} is to be ${other} and ${what}: each needs a path of its own`);
    known.set(same, what);
  }
}

/** By which a file is known whatever its name is; of one that is not there yet the directory counts. */
function identityOf(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? join(realpathSync(dirname(path)), basename(path)) : `${stats.dev}:${stats.ino}`;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return path;
  }
}
