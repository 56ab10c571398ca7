// What a crash left is mended in two steps. Before READY what the journal names: a file without a row gets its row, leftovers of
// uploads are removed. That is all a crash of ours can leave, and costs the same with ten episodes and with ten million. Beside
// the requests all files are then compared with all rows: what was restored or lost otherwise is found; a row without a file is
// told and kept. Nothing that was acknowledged is ever removed.

import { dirname, join } from "node:path";
import type { IndexRow } from "../../contract/index-row.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import { counted } from "../../core/text/quantity.ts";
import { fsyncDir } from "../../os/files/files.ts";
import type { Log } from "../../runtime/log/log.ts";
import { VERIFY } from "../disk/repair-line.ts";
import type { Compared, Recovered } from "../episode-store.ts";
import type { Commits } from "./commits.ts";
import { walkEpisodes } from "./files/stored-files.ts";
import type { EpisodeIndex } from "./index/episode-index.ts";
import type { Journal } from "./journal.ts";
import { sweepUploads } from "./uploads.ts";

export interface ReconcileParts {
  episodes: string;
  incoming: string;
  index: EpisodeIndex;
  journal: Journal;
  commits: Pick<Commits, "pathOf" | "mend">;
  log: Log;
  /** Flushes a directory. */
  flush?: (path: string) => Promise<void>;
}

/** Mends what the journal names. Nothing else may be at work on the data root. */
export async function recover(parts: ReconcileParts): Promise<Recovered> {
  const { journal, commits, episodes, log, flush = fsyncDir } = parts;
  const swept = await sweepUploads(parts.incoming);
  const intents = await journal.read();
  await flushDirectories(episodes, new Set([...intents.values()].map(([row]) => row?.host_id ?? "")), flush);
  const mended: Mended[] = [];
  for (const rows of intents.values()) {
    const [{ host_id: host, episode_id: id }] = rows as [(typeof rows)[number]];
    const address = { host, id };
    mended.push(await addRow(log, commits.pathOf(address), () => commits.mend(address, rows)));
  }
  // The intent of one that could not be mended is the only place that knows its commit: the next start tries it again.
  if (!mended.includes("failed")) await journal.clear();
  return { adopted: mended.filter((one) => one === "added").length, swept };
}

/**
 * One pass over the files, beside the requests: marks each one's row, and mends what has none.
 * @param isOver true: nobody waits for the end of it any more
 */
export async function compare(parts: ReconcileParts, isOver: () => boolean): Promise<Compared> {
  const { index, commits, log } = parts;
  let adopted = 0;
  index.table.beginPass();
  for await (const { address } of walkEpisodes(parts.episodes)) {
    if (isOver()) return { adopted, missing: 0 };
    // `receiver verify` tells of strangers.
    if (address === null || index.table.mark(address)) continue;
    if ((await addRow(log, commits.pathOf(address), () => commits.mend(address, []))) === "added") adopted++;
  }
  const missing = await index.table.unmarked(3);
  if (missing.count > 0) await tellMissing(missing, index, log);
  return { adopted, missing: missing.count };
}

/** `fit`: there was nothing to mend. */
type Mended = "added" | "fit" | "failed";

/** One file that cannot be read keeps neither the start nor the others from going on. */
async function addRow(log: Log, path: string, mend: () => Promise<IndexRow | null>): Promise<Mended> {
  try {
    const row = await mend();
    if (row === null) return "fit";
    log.warn(`${row.path} was stored but not in the index: its row was added`, {
      from: row.recovered ? "file" : "journal",
    });
    return "added";
  } catch (error) {
    if (errorCode(error) === null) throw error;
    log.error({ what: `${path} has no row, and cannot get one: ${quoted(errorText(error))}`, fix: VERIFY });
    return "failed";
  }
}

/**
 * What a killed receiver linked or made may be in memory only; nothing of it may be answered for before it is flushed. It has
 * linked nothing of which no intent is on the disk.
 */
async function flushDirectories(
  episodes: string,
  hosts: ReadonlySet<string>,
  flush: (path: string) => Promise<void>,
): Promise<void> {
  for (const host of hosts) {
    await flush(join(episodes, host)).catch((error: unknown) => {
      // Nothing was linked there yet, or somebody put something else in its place, which a PUT tells.
      if (errorCode(error) !== "ENOENT" && errorCode(error) !== "ENOTDIR") throw error;
    });
  }
  await flush(episodes);
  await flush(dirname(episodes));
}

async function tellMissing(
  missing: { offsets: number[]; count: number },
  index: EpisodeIndex,
  log: Log,
): Promise<void> {
  const rows = await Promise.all(missing.offsets.map((offset) => index.rowAt(offset)));
  const names = rows.filter((row) => row !== null).map((row) => `${row.host_id}/${row.episode_id}`);
  const more = missing.count > names.length ? `, and ${missing.count - names.length} more` : "";
  log.error({
    what: `${counted(missing.count, "stored episode is", "stored episodes are")} missing from the disk: ${names.join(", ")}${more}`,
    fix: VERIFY,
  });
}
