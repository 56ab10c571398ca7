// index.jsonl and journal.jsonl are written at places that are counted here, so a file that somebody else added to, cut or replaced
// is written no more: a new start reads it as it then is.

import { fstatSync, type Stats, statSync } from "node:fs";
import { copyFile, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { EXIT } from "../core/exit.ts";
import { errorCode, UserError } from "../core/failure.ts";
import { fsyncDir, publishNoReplace } from "../os/files.ts";

/** What somebody else did to a file that is open here. */
export type Change = "added to" | "cut" | "removed" | "replaced";

/**
 * What was done to an open file; null: nothing, or nobody can tell because its directory is away.
 * @param bytes that were written here; null: a write that failed has left more
 */
export function changeOf(fd: number, path: string, bytes: number | null): Change | null {
  const own = fstatSync(fd);
  const there = factsOf(path);
  if (own.nlink === 0 && there === null) return "removed";
  if (there !== null && (there.ino !== own.ino || there.dev !== own.dev)) return "replaced";
  if (bytes === null || own.size === bytes) return null;
  return own.size > bytes ? "added to" : "cut";
}

function factsOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}

/** The disk's error for whoever would write it. */
export function changedError(path: string, change: Change): Error {
  return Object.assign(new Error(`ESTALE: ${path} was ${change} by another program`), { code: "ESTALE" });
}

/** An open file that is written here alone. */
interface OwnFile {
  readonly path: string;
  readonly fd: number;
  changed(): Change | null;
}

/**
 * Looks whether somebody changed one of the files, and then ends the receiver, which systemd starts again. What was removed gets
 * its name back before: nobody else has its bytes.
 * @param fail ends the daemon
 * @returns to be called now and then while the store is there
 */
export function createChangeWatch(files: readonly OwnFile[], fail: (error: UserError) => void): () => void {
  let isEnding = false;
  return () => {
    for (const file of files) {
      const change = isEnding ? null : file.changed();
      if (change === null) continue;
      isEnding = true;
      const end = (restored: boolean): void => fail(changedFile(file.path, change, restored));
      if (change !== "removed") end(false);
      else
        void restoreRemoved(file).then(
          () => end(true),
          () => end(false),
        );
    }
  };
}

function changedFile(path: string, change: Change, isRestored: boolean): UserError {
  return new UserError(
    `${path} was ${change} by another program while the receiver used it${isRestored ? "; it has its name back" : ""}`,
    "start the receiver again, as systemd does by itself: a start reads what stands there; to change it, stop the receiver first",
    EXIT.undelivered,
  );
}

/** Gives a file its name back, flushed, while its bytes are still open. @throws Error of the system */
async function restoreRemoved({ fd, path }: OwnFile): Promise<void> {
  const temp = `${path}.restored`;
  await rm(temp, { force: true });
  await copyFile(`/proc/self/fd/${fd}`, temp);
  const handle = await open(temp);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await publishNoReplace(temp, path); // where somebody was faster theirs stays
  await rm(temp);
  await fsyncDir(dirname(path));
}
