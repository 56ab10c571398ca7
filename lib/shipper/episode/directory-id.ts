// Which directory an episode is: another one of the same name is another episode.

import { stat } from "node:fs/promises";
import { errorCode } from "../../core/failure.ts";

/**
 * What tells a directory from any other that has had its name, or null when there is none: `<inode>@<birth, ns>`. The number
 * alone does not: ext4 gives the next directory that of the one that was just removed. Where no births are known, `<inode>`.
 */
export async function directoryId(path: string): Promise<string | null> {
  try {
    const stats = await stat(path, { bigint: true });
    if (!stats.isDirectory()) return null;
    return stats.birthtimeNs > 0n ? `${stats.ino}@${stats.birthtimeNs}` : String(stats.ino);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

/** Whether a directory is the one that was packed. Records of older releases have its number alone. Pure. */
export function isSameDirectory(packed: string, found: string | null): boolean {
  return found === packed || (!packed.includes("@") && found?.split("@")[0] === packed);
}
