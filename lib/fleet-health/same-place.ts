// Two things in one place: alerts that are appended to the index, or state that is written over the configuration or among episodes.

import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { dataPaths } from "../contract/places.ts";
import { errorCode, UserError } from "../core/failure.ts";
import type { FleetHealthConfig } from "./settings.ts";

const ALERTS = "the alerts (--alerts-path)";
const STATE = "the state (--state-path)";
const INDEX = "the index (--index-path)";
const ATTEMPTS = "the attempts (--attempts-dir)";
const A_FILE = "a file of the receiver";
const A_DIRECTORY = "a directory of the receiver";

const THEIRS: ReadonlySet<string> = new Set([A_FILE, A_DIRECTORY]);

/**
 * @param configPath the configuration that is read; null: none is
 * @throws UserError (exit 2) where two things are to be one file, by whatever name, one is to lie in what is another's, or the index is no
 * file: its state would come to lie beside a device
 */
export function refuseSame(config: FleetHealthConfig, configPath: string | null): void {
  const { indexPath, alertsPath, attemptsDir, stateDir, heartbeatsDir, codesDir } = config;
  const { hostsPath, duplicatesPath, ticksPath } = config;
  const { torn, journal, tokenUse, episodes, incoming, aside } = dataPaths(dirname(indexPath));
  if (isOdd(indexPath))
    throw new UserError(
      `the index ${indexPath} is no regular file`,
      "name the receiver's index.jsonl with --index-path",
    );
  const root = dirname(indexPath);
  // Nothing is made where a path was mistyped, or below where a disk is to be mounted.
  if (stateDir !== null && `${stateDir}/`.startsWith(`${root}/`) && !existsSync(root))
    throw new UserError(
      `the index ${indexPath} is not there, and neither is ${root}`,
      "start the receiver, mount its disk, or name the index with --index-path",
    );
  const known = new Map<string, string>();
  const files: [string, string | null][] = [
    ["the configuration", configPath],
    [INDEX, indexPath],
    ...[hostsPath, duplicatesPath, ticksPath, torn, journal, tokenUse].map((path): [string, string] => [A_FILE, path]),
  ];
  const dirs: [string, string][] = [
    [ATTEMPTS, attemptsDir],
    ...[heartbeatsDir, episodes, incoming, aside, codesDir].map((path): [string, string] => [A_DIRECTORY, path]),
  ];
  const ours: [string, string | null][] = [
    [ALERTS, alertsPath],
    [STATE, stateDir],
  ];
  for (const [what, path] of [...files, ...dirs, ...ours]) {
    if (path === null) continue;
    const same = identityOf(path);
    const other = known.get(same);
    // Of what the receiver alone sees, as where a unit closes it to us (InaccessiblePaths=), one node stands for all.
    const areBothTheirs = other !== undefined && THEIRS.has(other) && THEIRS.has(what);
    if (other !== undefined && !areBothTheirs)
      throw new UserError(`${path} is to be ${other} and ${what}: each needs a path of its own`);
    known.set(same, what);
  }
  for (const [what, path] of ours) for (const [whose, dir] of dirs) refuseIn(what, path, whose, dir);
  if (stateDir === null) return;
  // Who names a directory that is full of something else has slipped.
  const others: [string, string | null][] = [...files, ...dirs, [ALERTS, alertsPath]];
  for (const [what, path] of others) refuseIn(what, path, STATE, stateDir);
}

/** @throws UserError where `path` is, or lies in, what is another's */
function refuseIn(what: string, path: string | null, whose: string, place: string): void {
  if (path === null || !`${realOf(path)}/`.startsWith(`${realOf(place)}/`)) return;
  throw new UserError(
    `${path}, which is to be ${what}, lies in ${place}, which is ${whose}: each needs a path of its own`,
  );
}

/** A device, a pipe or a socket. What is closed to us, or not there, is said by whoever reads it. */
function isOdd(path: string): boolean {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats !== undefined && !stats.isFile() && !stats.isDirectory();
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false;
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

/** Without links, as far as it is there. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    const above = dirname(path);
    return above === path ? path : join(realOf(above), basename(path));
  }
}
