// Opens a collector's data root: directories, index, journal, store, and what a crash left mended. One process at a time.

import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { IndexRow } from "../contract/index-row.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { makeDir } from "../os/files.ts";
import type { Log } from "../runtime/log.ts";
import type { Work } from "../runtime/progress.ts";
import { type Disk, realDisk } from "./disk.ts";
import { type EpisodeIndex, openIndex } from "./index.ts";
import { openJournal } from "./journal.ts";
import { type Reconciled, reconcile } from "./reconcile.ts";
import { dataPaths } from "./settings.ts";
import { Store } from "./store.ts";

export interface OpenParts {
  dataRoot: string;
  log: Log;
  begin: (name: string) => Work;
  disk?: Disk;
}

export interface OpenedStore {
  store: Store;
  index: EpisodeIndex;
  disk: Disk;
  reconciled: Reconciled;
  close(): Promise<void>;
}

/**
 * Makes the directories of a data root.
 * @throws UserError when they cannot be used
 */
export async function makeDataDirs(dataRoot: string): Promise<void> {
  const { episodes, incoming } = dataPaths(dataRoot);
  try {
    for (const path of [dataRoot, episodes, incoming]) await makeDir(path);
    writeProbe(incoming);
    readdirSync(episodes);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    throw new UserError(
      `cannot store in ${dataRoot}: ${quoted(errorText(error))}`,
      `make it a directory that belongs to this service's user, for example: chown -R labfleet: ${dataRoot}`,
    );
  }
  // A link is what publishes an episode, and it does not cross filesystems.
  if (statSync(episodes).dev !== statSync(incoming).dev) {
    throw new UserError(
      `${episodes} and ${incoming} are on different filesystems`,
      `put the whole of ${dataRoot} on one`,
    );
  }
}

/** Creates and removes an empty file; throws the disk's error. */
export function writeProbe(directory: string): void {
  const path = join(directory, ".probe");
  writeFileSync(path, "");
  rmSync(path);
}

/** Opens the store of a locked data root and mends what a crash left. */
export async function openStore(parts: OpenParts): Promise<OpenedStore> {
  const { dataRoot, log, disk = realDisk } = parts;
  const paths = dataPaths(dataRoot);
  const { index, tornBytes, badLines } = await openIndex(paths.index, paths.torn, Math.random() * 2 ** 32);
  if (tornBytes > 0) log.warn(`${paths.index} ended in a torn line of ${tornBytes} bytes: moved to ${paths.torn}`);
  if (badLines > 0) log.error(`${paths.index} has ${badLines} lines that are no rows; see: receiver verify`);
  const rowless = new Map<string, IndexRow>();
  const journal = await openJournal(paths.journal, () => rowless.size > 0);
  const store = new Store({ dataRoot, index, journal, disk, rowless, begin: parts.begin });
  const reconciled = await reconcile({ ...paths, index, journal, store, log });
  return {
    store,
    index,
    disk,
    reconciled,
    close: async () => {
      await index.close();
      await journal.close();
    },
  };
}
