// Rows of index.jsonl and journal.jsonl: type, writer and parser, for the Python receiver's rows and those of older releases
// too. Pure. Of several rows of one episode the last one holds.

import { isSha256Hex, isTreeDigest } from "./digest.ts";
import { ARCHIVE_SUFFIX, type EpisodeAddress, isName } from "./names.ts";

/** One row of `index.jsonl`: one stored episode. The first seven keys are those of the Python receiver. */
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
  corrects?: "tree_sha256" | "bytes";
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
    ...((corrects === "tree_sha256" || corrects === "bytes") && { corrects }),
  };
}

/** `v<format>:<hex>`; plain hex is how older releases wrote format 1. */
function readTree(value: unknown): string | null {
  if (isTreeDigest(value)) return value;
  const hex = typeof value === "string" && value.startsWith("v1:") ? value.slice(3) : null;
  return isSha256Hex(hex) ? hex : null;
}

const HOST_KEYS = [Buffer.from('{"host_id":"'), Buffer.from('{"host_id": "')];
const ID_KEYS = [Buffer.from('","episode_id":"'), Buffer.from('", "episode_id": "')];
const BRACE = 0x7d;

/** Where the two names of a row stand in its line: `[hostAt, hostEnd)` and `[idAt, idEnd)`. */
export interface NamePlaces {
  hostAt: number;
  hostEnd: number;
  idAt: number;
  idEnd: number;
}

/**
 * Finds the names in the line `bytes[start..end)` where it begins as we and Python write it, without a string and without parsing:
 * a start reads ten million of them.
 * @param places is filled
 * @returns false when it does not begin so: then it is to be parsed, and may be a row all the same
 */
export function findNames(bytes: Buffer, start: number, end: number, places: NamePlaces): boolean {
  // The last byte tells a whole row from a torn one that a line break was added to.
  if (bytes[end - 1] !== BRACE) return false;
  for (let i = 0; i < HOST_KEYS.length; i++) {
    const [hostKey, idKey] = [HOST_KEYS[i] as Buffer, ID_KEYS[i] as Buffer];
    if (!startsWith(bytes, hostKey, start, end)) continue;
    places.hostAt = start + hostKey.length;
    places.hostEnd = endOfName(bytes, places.hostAt, end);
    if (places.hostEnd < 0 || !startsWith(bytes, idKey, places.hostEnd, end)) return false;
    places.idAt = places.hostEnd + idKey.length;
    places.idEnd = endOfName(bytes, places.idAt, end);
    return places.idEnd > 0 && bytes[places.idEnd] === QUOTE;
  }
  return false;
}

const QUOTE = 0x22;
const NAME_MAX = 128;
/** Of each byte, whether a name (contract/names.ts) may begin with it: 1, have it further on: 2, or neither: 0. */
const IN_NAMES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte);
  return isName(letter) ? 1 : isName(`a${letter}`) ? 2 : 0;
});

/** Where the name that begins at `at` ends; -1: none begins there, or it is too long. */
function endOfName(bytes: Buffer, at: number, end: number): number {
  if (IN_NAMES[bytes[at] ?? 0] !== 1) return -1;
  let stop = at + 1;
  while (stop < end && IN_NAMES[bytes[stop] ?? 0] !== 0) stop++;
  return stop - at > NAME_MAX ? -1 : stop;
}

const scratch: NamePlaces = { hostAt: 0, hostEnd: 0, idAt: 0, idEnd: 0 };

/** The names in the line `bytes[start..end)`, or null when it is no row. */
export function addressOfLine(bytes: Buffer, start: number, end: number): EpisodeAddress | null {
  if (findNames(bytes, start, end, scratch)) {
    const { hostAt, hostEnd, idAt, idEnd } = scratch;
    return { host: bytes.toString("latin1", hostAt, hostEnd), id: bytes.toString("latin1", idAt, idEnd) };
  }
  const row = parseRow(bytes.toString("utf8", start, end));
  return row === null ? null : { host: row.host_id, id: row.episode_id };
}

function startsWith(bytes: Buffer, prefix: Buffer, start: number, end: number): boolean {
  if (start + prefix.length > end) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return false;
  return true;
}
