// incidents.jsonl: rows are appended after the state that names them is on the disk, and by their numbers: a kill in between costs
// none, and writes none twice.

import { formatIncident, type IncidentRow, parseIncident } from "../../contract/incident-row.ts";
import { errorCode } from "../../core/failure.ts";
import { openRegular } from "../../os/files/regular.ts";
import { appendLineDurable } from "../../os/files/sync-files.ts";
import { linesBackwards, linesForwards, restOf } from "../index/lines.ts";

/** Appends those that do not stand there yet; on the disk when it resolves. Rejects as the system does. */
export async function appendHistory(path: string, rows: readonly IncidentRow[]): Promise<void> {
  const last = rows.length === 0 ? 0 : await lastSequence(path);
  const fresh = rows.filter(({ sequence }) => sequence > last);
  if (fresh.length === 0) return;
  appendLineDurable(path, fresh.map(formatIncident).join("\n"));
}

/** The number of the last row, whether its line was ended or not; 0: there is none. Rejects as the system does. */
export async function lastSequence(path: string): Promise<number> {
  try {
    await using file = await openRegular(path);
    const { handle, size } = file;
    /** Where what has no end yet begins; null: not found so far. */
    let restAt: number | null = null;
    for await (const lines of linesBackwards(handle, size)) {
      const [last] = lines;
      const rest = restAt === null && last !== undefined ? await restOf(handle, last.end, size) : null;
      restAt ??= last?.end ?? null;
      for (const text of [rest, ...lines.map((line) => line.text)]) {
        const row = parseIncident(text ?? "");
        if (row !== null) return row.sequence;
      }
    }
    return parseIncident((await restOf(handle, 0, size)) ?? "")?.sequence ?? 0;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return 0;
    throw error;
  }
}

/** So much of it is read, from its end, where a state was lost: years of it, in some seconds. */
const READ_BYTES = 512 * 1024 ** 2;

/**
 * Gives all rows, the oldest first, whether the last line was ended or not; nothing where there is no file. Rejects as the system does.
 * @returns whether it is so large that older ones were not read
 */
export async function readHistory(
  path: string,
  take: (row: IncidentRow) => void,
  maxBytes = READ_BYTES,
): Promise<{ isCut: boolean }> {
  const give = (text: string | null): void => {
    const row = parseIncident(text ?? "");
    if (row !== null) take(row);
  };
  try {
    await using file = await openRegular(path);
    const { handle, size } = file;
    // There it may begin within a line, which is no row then.
    let at = Math.max(0, size - maxBytes);
    const isCut = at > 0;
    for await (const lines of linesForwards(handle, at, size)) {
      for (const { text } of lines) give(text);
      at = lines.at(-1)?.end ?? at;
    }
    give(await restOf(handle, at, size));
    return { isCut };
  } catch (error) {
    if (errorCode(error) === "ENOENT") return { isCut: false };
    throw error;
  }
}
