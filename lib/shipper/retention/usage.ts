// How many bytes a directory holds on the disk, as `du` counts them: what giving it up would free.

import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";

/** st_blocks counts in this unit whatever the file system's own is (stat(2)). */
const BLOCK_BYTES = 512;

/** Bytes on the disk below a directory; what cannot be looked at counts nothing. @param moved called for each directory */
export async function usageOf(path: string, moved: () => void): Promise<number> {
  moved();
  let bytes = 0;
  try {
    for await (const entry of await opendir(path)) {
      const below = join(path, entry.name);
      bytes += (await lstat(below)).blocks * BLOCK_BYTES;
      if (entry.isDirectory()) bytes += await usageOf(below, moved);
    }
  } catch (error) {
    if (errorCode(error) === null) throw error;
  }
  return bytes;
}
