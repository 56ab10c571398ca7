// The shipper's directories: made, and checked to be on one file system.

import { stat } from "node:fs/promises";
import { errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { exists, makeDir } from "../os/files.ts";
import type { Log } from "../runtime/log.ts";
import { sweepDoomed } from "./retention.ts";
import { PYTHON_DATA_ROOT, type ShipperConfig } from "./settings.ts";
import type { Dirs } from "./settle.ts";

/**
 * Makes the directories.
 * @throws UserError when they cannot be made
 */
export async function makeDataDirs(config: ShipperConfig, dirs: Dirs, log: Log): Promise<void> {
  if (!config.dataRootIsSet && (await exists(PYTHON_DATA_ROOT))) {
    log.warn(
      `[paths] data_root is not set, so ${config.dataRoot} is used; ${PYTHON_DATA_ROOT} exists too and is not looked at`,
    );
  }
  try {
    for (const dir of [config.dataRoot, ...Object.values(dirs)]) await makeDir(dir);
  } catch (error) {
    throw new UserError(
      `cannot make the data directories: ${quoted(errorText(error))}`,
      `create ${config.dataRoot} and give it to the shipper's user`,
    );
  }
}

/**
 * Clears what an earlier run left, once the data root is ours alone.
 * @throws UserError when the directories are on several file systems
 */
export async function tidyDataRoot(dirs: Dirs, log: Log): Promise<void> {
  for (const path of await sweepDoomed(dirs)) log.warn("cannot remove what is left of a pruned episode", { path });
  await refuseSplitDisks(dirs);
}

/** Episodes are moved by rename, which does not reach across file systems. */
async function refuseSplitDisks(dirs: Dirs): Promise<void> {
  const { dev } = await stat(dirs.episodes);
  for (const dir of [dirs.shipped, dirs.quarantine]) {
    if ((await stat(dir)).dev === dev) continue;
    throw new UserError(
      `${dir} is on another file system than ${dirs.episodes}, and episodes are moved by rename`,
      "mount one file system at [paths] data_root for all of them",
    );
  }
}
