// What lies below episodes/: archives by their names, and strangers. One entry at a time, whatever the directory's size.

import { join } from "node:path";
import { ARCHIVE_SUFFIX, type EpisodeAddress, isName } from "../../../contract/names.ts";
import { entries } from "../../../os/files/entries.ts";
import { IDENTITY_IN_EPISODES, IDENTITY_TEMP, PROBE } from "../../settings.ts";

export interface FoundEntry {
  /** Relative to the data root. */
  path: string;
  /** Null: no archive that we would have put there. */
  address: EpisodeAddress | null;
}

/** What the receiver itself keeps among the hosts' directories. */
const OURS: ReadonlySet<string> = new Set([IDENTITY_IN_EPISODES, IDENTITY_TEMP, PROBE]);

/** All entries below `episodes`, two levels deep. */
export async function* walkEpisodes(episodes: string): AsyncGenerator<FoundEntry> {
  for await (const host of entries(episodes)) {
    if (OURS.has(host.name)) continue;
    if (!host.isDirectory() || !isName(host.name)) {
      yield { path: `episodes/${host.name}`, address: null };
      continue;
    }
    for await (const file of entries(join(episodes, host.name))) {
      const id = file.name.endsWith(ARCHIVE_SUFFIX) ? file.name.slice(0, -ARCHIVE_SUFFIX.length) : "";
      const address = file.isFile() && isName(id) ? { host: host.name, id } : null;
      yield { path: `episodes/${host.name}/${file.name}`, address };
    }
  }
}
