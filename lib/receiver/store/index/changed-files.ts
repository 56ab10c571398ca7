// index.jsonl and journal.jsonl are written at places that are counted here, so a file that somebody else added to, cut or replaced
// is written no more: a new start reads it as it then is.

import { type BigIntStats, fstatSync, lstatSync } from "node:fs";
import { copyFile, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { EXIT } from "../../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../../core/failure.ts";
import { quoted } from "../../../core/text/fields.ts";
import { fsyncDir, publishNoReplace } from "../../../os/files/files.ts";

/** What somebody else did to a file that is open here. */
export type Change = "added to" | "cut" | "rewritten" | "removed" | "moved away" | "replaced";

/** What a file was like after it was written here last. */
export interface Left {
  bytes: number;
  mtimeNs: bigint;
}

/**
 * What was done to an open file; null: nothing. What has no name says so only where its directory is there.
 * @param left null: a write is under way, or has failed and left more
 */
export function changeOf(fd: number, path: string, left: Left | null): Change | null {
  const own = fstatSync(fd, { bigint: true });
  const there = factsOf(path);
  if (there === null) return own.nlink === 0n ? "removed" : "moved away";
  if (there.ino !== own.ino || there.dev !== own.dev) return "replaced";
  if (left === null) return null;
  const bytes = Number(own.size);
  if (bytes !== left.bytes) return bytes > left.bytes ? "added to" : "cut";
  return own.mtimeNs === left.mtimeNs ? null : "rewritten";
}

/** A link is not what was opened. */
function factsOf(path: string): BigIntStats | null {
  try {
    return lstatSync(path, { bigint: true });
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
 * Looks whether somebody changed one of the files, and then ends the receiver, which systemd starts again. What has no name any more
 * gets it back before: nobody else may have its bytes. A name may be missing for a moment, as while it is moved to and fro.
 * @param fail ends the daemon
 * @returns to be called now and then while the store is there
 */
export function createChangeWatch(files: readonly OwnFile[], fail: (error: UserError) => void): () => void {
  let isEnding = false;
  const missed = new Set<OwnFile>();
  const isNews = (file: OwnFile, change: Change): boolean => change !== "moved away" || missed.has(file);
  return () => {
    if (isEnding) return;
    const changed = files.flatMap((file) => {
      const change = file.changed();
      return change === null ? [] : [{ file, change }];
    });
    const first = changed.find(({ file, change }) => isNews(file, change));
    missed.clear();
    for (const { file, change } of changed) if (change === "moved away") missed.add(file);
    if (first === undefined) return;
    isEnding = true;
    void end(changed, first, fail);
  };
}

interface Changed {
  file: OwnFile;
  change: Change;
}

/** Never rejects. */
async function end(all: readonly Changed[], first: Changed, fail: (error: UserError) => void): Promise<void> {
  let more = "";
  for (const { file, change } of all) {
    if (change !== "removed" && change !== "moved away") continue;
    const how = await restore(file).then(
      () => "; it has its name back",
      (error: unknown) => `; it could not be given its name back: ${quoted(errorText(error))}`,
    );
    if (file === first.file) more = how;
  }
  fail(changedFile(first.file.path, first.change, more));
}

function changedFile(path: string, change: Change, more: string): UserError {
  return new UserError(
    `${path} was ${change} by another program while the receiver used it${more}`,
    "start the receiver again, as systemd does by itself: a start reads what stands there; to change it, stop the receiver first",
    EXIT.undelivered,
  );
}

/** Gives a file its name back, flushed, while its bytes are still open. @throws Error of the system */
async function restore({ fd, path }: OwnFile): Promise<void> {
  const temp = `${path}.restored`;
  try {
    await rm(temp, { force: true });
    await copyFile(`/proc/self/fd/${fd}`, temp);
    const handle = await open(temp);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await publishNoReplace(temp, path); // where somebody was faster theirs stays
  } finally {
    await rm(temp, { force: true });
  }
  await fsyncDir(dirname(path));
}
