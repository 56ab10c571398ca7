// incidents.jsonl: rows are appended after the state that names them is on the disk, and by their numbers: a kill in between costs
// none, and writes none twice.

import { formatIncident, type IncidentRow, parseIncident } from "../../contract/incident-row.ts";
import { errorCode } from "../../core/failure.ts";
import { openRegular } from "../../os/files/regular.ts";
import { appendLineDurable } from "../../os/files/sync-files.ts";

/** Appends those that do not stand there yet; on the disk when it resolves. Rejects as the system does. */
export async function appendHistory(path: string, rows: readonly IncidentRow[]): Promise<void> {
  const last = rows.length === 0 ? 0 : await lastSequence(path);
  const fresh = rows.filter(({ sequence }) => sequence > last);
  if (fresh.length === 0) return;
  appendLineDurable(path, fresh.map(formatIncident).join("\n"));
}

/** So much of its end holds the last row: one of ten thousand hosts is not as long. */
const TAIL_BYTES = 16 * 1024 ** 2;

/** The number of the last row; 0: there is none. */
export async function lastSequence(path: string): Promise<number> {
  return (await lastRows(path)).at(-1)?.sequence ?? 0;
}

/** The last rows, the oldest first, whether the last line was ended or not. Rejects as the system does. */
export async function lastRows(path: string): Promise<IncidentRow[]> {
  try {
    await using file = await openRegular(path);
    const { handle, size } = file;
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    await handle.read(bytes, 0, bytes.length, size - bytes.length);
    return bytes
      .toString("utf8")
      .split("\n")
      .flatMap((line) => parseIncident(line) ?? []);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
