// The shipper's directories: made, and tried out by the very moves that episodes will take.

import { mkdir, rename, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Dirs } from "../contract/places.ts";
import { dataDirs } from "../contract/places.ts";
import { EXIT } from "../core/exit.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { isFull, isMachinesRefusal } from "../core/linux/disk-refusal.ts";
import { quoted } from "../core/text/fields.ts";
import { shellLine } from "../core/text/shell-quote.ts";
import { splitFix, whyDiskRefuses } from "../os/files/disk-refusal.ts";
import { exists, makeDir } from "../os/files/files.ts";
import type { Log } from "../runtime/log/log.ts";
import { closedToRecorders, unmountedOrClosed } from "./disk/recorders.ts";
import { commitFileFault } from "./episode/commit.ts";
import { mountsOf } from "./episode/split-root.ts";
import { sweepDoomed } from "./retention/removal.ts";
import { PYTHON_DATA_ROOT, type ShipperConfig } from "./settings.ts";

/**
 * Makes the directories; warns of what else this host has in their place, or lacks.
 * @throws UserError when they cannot be made
 */
export async function makeDataDirs(config: ShipperConfig, dirs: Dirs, log: Log): Promise<void> {
  if (!config.dataRootIsSet && (await isThere(PYTHON_DATA_ROOT))) {
    log.warn(
      `[paths] data_root is not set, so ${config.dataRoot} is used; ${PYTHON_DATA_ROOT} exists too and is not looked at`,
    );
  }
  const fault = await commitFileFault(config.commitFile);
  if (fault !== null) log.warn(fault);
  const wasThere = await isThere(dirs.episodes);
  const isNew = !(await isThere(dirs.outbox)) && !(await isThere(dirs.shipped));
  try {
    for (const dir of [config.dataRoot, ...Object.values(dirs)]) await makeDir(dir);
  } catch (error) {
    throw refusal("cannot make the data directories", config.dataRoot, error);
  }
  // A disk that is not mounted looks like a new data root.
  if (isNew)
    log.info(
      `${config.dataRoot} is a new data root: if this host has shipped before, its disk is not mounted, look with: ${shellLine(["findmnt", "-T", config.dataRoot])}`,
    );
  if (!wasThere) log.warn(isNew ? unmountedOrClosed(config.dataRoot, dirs.episodes) : closedToRecorders(dirs.episodes));
}

/**
 * Clears what an earlier run left, once the data root is ours alone.
 * @throws UserError when episodes could not be moved
 */
export async function tidyDataRoot(dirs: Dirs, log: Log): Promise<void> {
  await sweepDoomed(dirs);
  await tryMoves(dirs, log);
}

/** What is moved at the start to see whether it can be; a name that no episode has. */
export const PROBE = ".labfleet-probe";

/**
 * Episodes are moved by rename from one directory to the next, and their documents from the outbox into them. A rename does
 * not reach across mounts, not even across two of one disk: only trying tells.
 */
async function tryMoves(dirs: Dirs, log: Log): Promise<void> {
  const all = Object.values(dirs);
  const probe = (dir: string): string => join(dir, PROBE);
  for (const dir of all) await clear(probe(dir));
  let at = dirs.outbox;
  try {
    await mkdir(probe(at));
    for (const next of [dirs.episodes, dirs.shipped, dirs.quarantine, dirs.episodes]) {
      try {
        await rename(probe(at), probe(next));
      } catch (error) {
        if (errorCode(error) !== "EXDEV") throw refusal(`cannot move from ${at} to ${next}`, next, error);
        // What lies on a mount decides how it is taken off: ours is not to be found there.
        await clear(probe(at));
        throw split(at, next, all);
      }
      at = next;
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const code = errorCode(error);
    if (code === null || !isFull(code)) throw refusal(`cannot write to ${at}`, at, error);
    // What is packed already can be sent, and what was shipped can make room.
    const { what, fix } = whyDiskRefuses(at, code);
    log.error({ what: `${what}: nothing can be packed until there is room`, fix });
  } finally {
    for (const dir of all) await clear(probe(dir));
  }
}

async function clear(probe: string): Promise<void> {
  await rmdir(probe).catch(() => undefined);
}

function split(from: string, to: string, all: readonly string[]): UserError {
  return new UserError(
    `episodes cannot be moved from ${from} to ${to}: they lie on different mounts (EXDEV), and a rename does not reach across`,
    { ...splitFix(all), commands: mountsOf(dirname(from)).mends },
    EXIT.undelivered,
  );
}

const DIRECTORIES = Object.keys(dataDirs(""));

function refusal(what: string, path: string, error: unknown): UserError {
  const code = errorCode(error);
  if (code === null) throw error;
  // What is read-only is so for all of the root, and mended for all of it.
  const isBelow = code === "EROFS" && DIRECTORIES.includes(basename(path));
  const why = whyDiskRefuses(isBelow ? dirname(path) : path, code);
  return new UserError(
    `${what}: ${quoted(errorText(error))}: ${why.what}`,
    why.fix ?? `make [paths] data_root a directory that this service's user may write to`,
    isMachinesRefusal(code) ? EXIT.undelivered : EXIT.usage,
  );
}

async function isThere(path: string): Promise<boolean> {
  return exists(path).catch(() => false);
}
