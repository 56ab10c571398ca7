// The entries of a directory, a piece at a time. Bun's opendir reads the whole directory, whatever it is told, and then gives all
// entries in one go (1.4.5): without turns in between, a hundred thousand names would hold up the event loop for a quarter of a second.

import type { Dirent } from "node:fs";
import { opendir } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { errorCode } from "../../core/failure.ts";

/** Entries between two turns of the event loop. */
const PIECE = 512;

/** The entries of a directory. @throws the file system's error */
export async function* entriesOf(directory: string): AsyncGenerator<Dirent> {
  let given = 0;
  for await (const entry of await opendir(directory)) {
    if (++given % PIECE === 0) await nextTurn();
    yield entry;
  }
}

/** The same; none when it is not there. */
export async function* entries(directory: string): AsyncGenerator<Dirent> {
  try {
    yield* entriesOf(directory);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}
