// Rows of index.jsonl and journal.jsonl as text and back, the Python receiver's rows included. Pure.

import { isSha256Hex } from "../core/digest.ts";
import { ARCHIVE_SUFFIX, type EpisodeAddress, isName } from "../core/names.ts";
import type { IndexRow } from "../core/types.ts";

/** Path of an episode's archive, relative to the data root. */
export function archivePath({ host, id }: EpisodeAddress): string {
  return `episodes/${host}/${id}${ARCHIVE_SUFFIX}`;
}

/** A row as its line, without the line break. */
export function formatRow(row: IndexRow): string {
  return JSON.stringify(row);
}

/**
 * Reads a line. Keys that the Python receiver did not write are filled in: tree_sha256 null, path from the names.
 * @returns null when it is no row: torn, foreign, or without a name, a size and a digest
 */
export function parseRow(line: string): IndexRow | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { host_id, episode_id, received_at_wall, bytes, sha256, code_commit, path, tree_sha256, recovered } =
    value as Partial<Record<keyof IndexRow, unknown>>;
  if (typeof host_id !== "string" || typeof episode_id !== "string" || !isName(host_id) || !isName(episode_id))
    return null;
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0 || !isSha256Hex(sha256)) return null;
  return {
    host_id,
    episode_id,
    received_at_wall: typeof received_at_wall === "string" ? received_at_wall : "",
    bytes,
    sha256,
    code_commit: typeof code_commit === "string" ? code_commit : null,
    path: typeof path === "string" ? path : archivePath({ host: host_id, id: episode_id }),
    tree_sha256: isSha256Hex(tree_sha256) ? tree_sha256 : null,
    ...(recovered === true && { recovered }),
  };
}

const QUOTE = 0x22;
const HOST_KEYS = [Buffer.from('{"host_id":"'), Buffer.from('{"host_id": "')];
const ID_KEYS = [Buffer.from('","episode_id":"'), Buffer.from('", "episode_id": "')];

/**
 * The names in the line `bytes[start..end)`, without parsing it whole when it begins as we and Python write it: reading
 * a million rows at start is five times faster so.
 * @returns null when it is no row
 */
export function addressOfLine(bytes: Buffer, start: number, end: number): EpisodeAddress | null {
  for (const [i, hostKey] of HOST_KEYS.entries()) {
    const idKey = ID_KEYS[i];
    if (idKey === undefined || !startsWith(bytes, hostKey, start, end)) continue;
    const hostAt = start + hostKey.length;
    const hostEnd = bytes.indexOf(QUOTE, hostAt);
    if (hostEnd < 0 || !startsWith(bytes, idKey, hostEnd, end)) break;
    const idAt = hostEnd + idKey.length;
    const idEnd = bytes.indexOf(QUOTE, idAt);
    // The last byte tells a whole row from a torn one that a line break was added to.
    if (idEnd < 0 || idEnd >= end || bytes[end - 1] !== 0x7d) break;
    const host = bytes.toString("latin1", hostAt, hostEnd);
    const id = bytes.toString("latin1", idAt, idEnd);
    return isName(host) && isName(id) ? { host, id } : null;
  }
  const row = parseRow(bytes.toString("utf8", start, end));
  return row === null ? null : { host: row.host_id, id: row.episode_id };
}

function startsWith(bytes: Buffer, prefix: Buffer, start: number, end: number): boolean {
  return start + prefix.length <= end && bytes.compare(prefix, 0, prefix.length, start, start + prefix.length) === 0;
}
