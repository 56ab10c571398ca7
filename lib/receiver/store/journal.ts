// journal.jsonl: what is about to be published, and so all that a crash may leave half published. After one it gives a stored file
// without a row its commit and tree digest back. It is cut to nothing whenever it has grown and no commit is under way.

import { formatRow, type IndexRow, parseRow } from "../../contract/index-row.ts";
import { type AppendLog, openAppendLog } from "./index/append-log.ts";
import { scanLines } from "./index/episode-index.ts";

/** Cut at the next quiet moment when larger than this, bytes. */
const SOFT_BYTES = 1024 * 1024;
/** Larger than this, new commits wait for a quiet moment. */
const HARD_BYTES = 8 * SOFT_BYTES;

export interface Journal {
  /** The file it is in. */
  readonly log: AppendLog;
  /** Runs a commit: `intent` notes its row, on the disk when it resolves. */
  during<T>(commit: (intent: (row: IndexRow) => Promise<void>) => Promise<T>): Promise<T>;
  /** All intents, by the episode's `host/id`, the newest last: a few MB at most. */
  read(): Promise<Map<string, IndexRow[]>>;
  /** Cuts the journal to nothing. No commit may be under way. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the journal.
 * @param needed true while an intent is still the only place that knows a row: then nothing is cut
 */
export async function openJournal(path: string, needed: () => boolean): Promise<Journal> {
  const log = await openAppendLog(path, "journal");
  // A line that a crash tore must not be continued by the next one.
  if (log.size > 0) await log.append("");
  return overLog(log, needed);
}

function overLog(log: AppendLog, needed: () => boolean): Journal {
  let underWay = 0;
  let quiet: PromiseWithResolvers<void> | null = null;
  const cut = async (): Promise<void> => {
    quiet ??= Promise.withResolvers();
    await log.clear().catch(() => undefined); // tried again after the next commit
    quiet.resolve();
    quiet = null;
  };
  const leave = async (): Promise<void> => {
    underWay--;
    if (underWay === 0 && (quiet !== null || (log.size > SOFT_BYTES && !needed()))) await cut();
  };
  return {
    log,
    async during(commit) {
      while (quiet !== null) await quiet.promise;
      underWay++;
      if (log.size > HARD_BYTES && !needed()) quiet = Promise.withResolvers();
      try {
        return await commit(async (row) => {
          await log.append(formatRow(row));
        });
      } finally {
        await leave();
      }
    },
    async read() {
      const found = new Map<string, IndexRow[]>();
      await scanLines(log.fd, (bytes, start, end) => {
        const row = parseRow(bytes.toString("utf8", start, end));
        if (row === null) return;
        const key = `${row.host_id}/${row.episode_id}`;
        const known = found.get(key);
        if (known === undefined) found.set(key, [row]);
        else known.push(row);
      });
      return found;
    },
    clear: () => log.clear(),
    close: () => log.close(),
  };
}
