// Small files of a run directory, which is in memory: whole or not there for a reader, and written through no link, for root
// may write into a directory of the service's user.

import { closeSync, constants, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeNew } from "./owner.ts";

/** Replaces a file by rename; nothing is flushed. @throws Error of the system */
export function replaceRunFile(path: string, text: string, mode = 0o644): void {
  const temp = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  rmSync(temp, { force: true });
  const fd = makeNew(temp, constants.O_WRONLY, mode);
  try {
    writeFileSync(fd, text);
    renameSync(temp, path);
  } catch (error) {
    rmSync(temp, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}
