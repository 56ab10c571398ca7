// Flushes all of a directory: after a power cut it is there as it was written.

import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fsyncDir } from "../os/files/files.ts";

/** Files first, then the directories that name them. Rejects as the system does. */
export async function fsyncTree(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await fsyncTree(path);
    else if (entry.isFile()) {
      await using handle = await open(path, "r");
      await handle.sync();
    }
  }
  await fsyncDir(dir);
}
