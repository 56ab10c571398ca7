// Rows of index.jsonl and journal.jsonl: type, writer and parser, for the Python receiver's rows and those of older releases
// too. Pure. Of several rows of one episode the last one holds.

import { isSha256Hex, isTreeDigest } from "../core/digest.ts";
import { ARCHIVE_SUFFIX, type EpisodeAddress, isName } from "../core/names.ts";

/** One row of `index.jsonl`: one stored episode. The first seven keys are seed 002's. */
export interface IndexRow {
  host_id: string;
  episode_id: string;
  received_at_wall: string;
  bytes: number;
  sha256: string;
  code_commit: string | null;
  /** Relative to the data root. */
  path: string;
  /**
   * Digest of the uncompressed tar (`isTreeDigest`) as its sender declared it: a claim, until `receiver verify --deep` has
   * computed it. Null: none was declared.
   */
  tree_sha256: string | null;
  /** Present when the row was rebuilt from the stored file, after a crash or by `receiver verify --repair`. */
  recovered?: true;
  /**
   * Present when this row is the one before of its episode once more, with this key put right: it is no second episode. All
   * other keys are the same, the time of receipt too, so that a reader who does not know of it learns nothing that is wrong.
   */
  corrects?: "tree_sha256";
}

/** Path of an episode's archive, relative to the data root. */
export function archivePath({ host, id }: EpisodeAddress): string {
  return `episodes/${host}/${id}${ARCHIVE_SUFFIX}`;
}

/** How the line of a correction begins: a start tells it from an episode's without parsing it. */
const CORRECTION = Buffer.from('{"corrects":"');

/** A row as its line, without the line break. */
export function formatRow({ corrects, ...row }: IndexRow): string {
  const { tree_sha256 } = row;
  const named = isSha256Hex(tree_sha256) ? `v1:${tree_sha256}` : tree_sha256;
  return JSON.stringify({ ...(corrects !== undefined && { corrects }), ...row, tree_sha256: named });
}

/** Whether the line `bytes[start..end)` is a correction, as `formatRow` writes it. */
export function isCorrection(bytes: Buffer, start: number, end: number): boolean {
  return startsWith(bytes, CORRECTION, start, end);
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
  const { host_id, episode_id, received_at_wall, bytes, sha256, code_commit, path, tree_sha256, recovered, corrects } =
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
    tree_sha256: readTree(tree_sha256),
    ...(recovered === true && { recovered }),
    ...(corrects === "tree_sha256" && { corrects }),
  };
}

/** `v<format>:<hex>`; plain hex is how older releases wrote format 1. */
function readTree(value: unknown): string | null {
  if (isTreeDigest(value)) return value;
  const hex = typeof value === "string" && value.startsWith("v1:") ? value.slice(3) : null;
  return isSha256Hex(hex) ? hex : null;
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
