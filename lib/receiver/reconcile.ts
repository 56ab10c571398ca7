// At every start, before READY: what a crash left is mended. A file without a row gets its row, leftovers of uploads are
// removed, a row without a file is told and kept. Nothing that was acknowledged is ever removed.

import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { EpisodeAddress } from "../core/names.ts";
import { fsyncDir } from "../os/files.ts";
import type { Log } from "../runtime/log.ts";
import type { EpisodeIndex } from "./index.ts";
import type { Journal } from "./journal.ts";
import type { Store } from "./store.ts";
import { entries, walkEpisodes } from "./walk.ts";

export interface Reconciled {
  /** Files that got their row. */
  adopted: number;
  /** Rows whose file is missing. */
  missing: number;
  /** Temporary files that were removed. */
  swept: number;
}

export interface ReconcileParts {
  episodes: string;
  incoming: string;
  index: EpisodeIndex;
  journal: Journal;
  store: Store;
  log: Log;
}

/** Mends what a crash left. Nothing else may be at work on the data root. */
export async function reconcile(parts: ReconcileParts): Promise<Reconciled> {
  const { index, journal, store, log } = parts;
  const swept = await sweep(parts.incoming);
  await flushDirectories(parts.episodes);
  const { rowless, missing } = await compare(parts.episodes, index);
  const known = await journal.read(new Set(rowless.map(({ host, id }) => `${host}/${id}`)));
  for (const address of rowless) {
    const row = await store.adopt(address, known.get(`${address.host}/${address.id}`) ?? []);
    log.warn(`${row.path} was stored but not in the index: its row was added`, {
      from: row.recovered ? "file" : "journal",
    });
  }
  await journal.clear();
  if (missing.count > 0) await tellMissing(missing, index, log);
  return { adopted: rowless.length, missing: missing.count, swept };
}

/** One pass over the files: marks each one's row as seen; the memory is one bit a row. */
async function compare(
  episodes: string,
  { table }: EpisodeIndex,
): Promise<{ rowless: EpisodeAddress[]; missing: { offsets: number[]; count: number } }> {
  const seen = new Uint8Array(Math.ceil(table.capacity / 8));
  const rowless: EpisodeAddress[] = [];
  for await (const { address } of walkEpisodes(episodes)) {
    if (address === null) continue; // `receiver verify` tells of strangers
    const slots = table.slots(address);
    if (slots.length === 0) rowless.push(address);
    for (const slot of slots) seen[slot >> 3] = (seen[slot >> 3] ?? 0) | (1 << (slot & 7));
  }
  return { rowless, missing: table.unseen(seen, 3) };
}

/** What a killed receiver linked or made may be in memory only; nothing of it may be answered for before it is flushed. */
async function flushDirectories(episodes: string): Promise<void> {
  for await (const host of entries(episodes)) if (host.isDirectory()) await fsyncDir(join(episodes, host.name));
  await fsyncDir(episodes);
  await fsyncDir(dirname(episodes));
}

/** Removes the temporary files of uploads that a crash ended. */
async function sweep(incoming: string): Promise<number> {
  let count = 0;
  for await (const entry of entries(incoming)) {
    if (!entry.isFile() || !entry.name.endsWith(".part")) continue;
    await rm(join(incoming, entry.name), { force: true });
    count++;
  }
  return count;
}

async function tellMissing(
  missing: { offsets: number[]; count: number },
  index: EpisodeIndex,
  log: Log,
): Promise<void> {
  const rows = await Promise.all(missing.offsets.map((offset) => index.rowAt(offset)));
  const names = rows.filter((row) => row !== null).map((row) => `${row.host_id}/${row.episode_id}`);
  const more = missing.count > names.length ? `, and ${missing.count - names.length} more` : "";
  log.error(
    `${missing.count} stored episodes are missing from the disk: ${names.join(", ")}${more}; see: receiver verify`,
  );
}
