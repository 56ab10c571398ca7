// Is there a store where a command looks for one? An empty answer about a disk that is not mounted would pass for good news.

import { existsSync, statSync } from "node:fs";
import { dataPaths } from "../../contract/places.ts";
import { errorCode, errorText, UserError } from "../../core/failure.ts";
import { refusedFix } from "../../os/process/as-typed.ts";
import { identityPaths } from "../identity/files.ts";

/**
 * Checks that there is a data root.
 * @throws UserError when there is none, or nobody may look
 */
export function needDataRoot(dataRoot: string): void {
  try {
    if (!statSync(dataRoot).isDirectory())
      throw new UserError(`${dataRoot} is no directory`, "set [paths] data_root, or name another config with --config");
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw cannotRead(dataRoot, error);
    throw new UserError(
      `there is no data root at ${dataRoot}`,
      "mount its disk, set [paths] data_root, or name another config with --config PATH",
    );
  }
}

/**
 * Checks that a data root holds a store.
 * @throws UserError when no receiver ever stored there
 */
export function needStore(dataRoot: string): void {
  needDataRoot(dataRoot);
  const { index, episodes } = dataPaths(dataRoot);
  if ([index, episodes, identityPaths(dataRoot).root].some((path) => existsSync(path))) return;
  throw new UserError(
    `there is no store in ${dataRoot}: no receiver has ever stored there`,
    "mount its disk, set [paths] data_root, or name another config with --config PATH",
  );
}

/** What the system refused while `path` was read, as a sentence; anything else as it is. */
export function cannotRead(path: string, error: unknown): unknown {
  const code = errorCode(error);
  if (code === null) return error;
  const denied = code === "EACCES" || code === "EPERM";
  return new UserError(`cannot read ${path}: ${errorText(error)}`, denied ? refusedFix(code) : null);
}
