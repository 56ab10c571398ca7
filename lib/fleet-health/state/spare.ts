// Room that is set aside while there is some: a disk that is full is just what has to be told, and nothing is told that is not kept.

import { randomBytes } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { errorCode } from "../../core/failure.ts";
import { replaceNow } from "../../os/files/sync-files.ts";

const LEAST_BYTES = 256 * 1024;

export interface Spare {
  /** Writes; where the disk is full once more, in the room that was set aside. @throws what `write` throws then */
  use(write: () => void): void;
  /** Sets room aside for a file of so many bytes, beside the one that it takes the place of. Never throws for an error of the system. */
  keep(bytes: number): void;
}

/** @param path of the file that takes the room */
export function openSpare(path: string): Spare {
  return {
    use(write) {
      try {
        write();
      } catch (error) {
        const code = errorCode(error);
        if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
        rmSync(path, { force: true });
        write();
      }
    },
    keep(bytes) {
      const wanted = Math.max(LEAST_BYTES, Math.ceil(bytes * 1.25));
      try {
        if (sizeOf(path) >= wanted) return;
        // No file system stores these in less.
        replaceNow(path, randomBytes(Math.ceil(wanted * 1.5)));
      } catch (error) {
        if (errorCode(error) === null) throw error;
      }
    },
  };
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return 0;
    throw error;
  }
}
