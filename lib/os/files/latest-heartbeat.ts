// heartbeats/<host>.json.zst: what is known of each host, read as a whole. It is written anew with each heartbeat, so it is compressed: a
// fifteenth of the bytes on the disk of a collector that hears from a thousand hosts every minute.

import { join } from "node:path";
import { parseStored, type StoredHeartbeat } from "../../contract/host-document.ts";
import { errorCode } from "../../core/failure.ts";
import { readBytesIfExists, readIfExists } from "./files.ts";
import { isWrongKind } from "./regular.ts";

export const SUFFIX = ".json.zst";
/** Plain, as it was before; read until the host's next heartbeat. */
export const OLDER = ".json";
/** Figures move, words stay: a higher level costs more and saves little. */
const LEVEL = 1;
/** More is none of ours: a heartbeat is at most a megabyte, and so is what is remembered of its host. */
const LATEST_BYTES = 16 * 1024 ** 2;

export type FoundHost = { kind: "found"; stored: StoredHeartbeat } | { kind: "none" } | { kind: "unreadable" };

/** Where what is known of a host is kept. */
export function latestPath(dir: string, host: string): string {
  return join(dir, `${host}${SUFFIX}`);
}

/** The host that a file is of; "" for a file that is of none. */
export function hostOfFile(file: string): string {
  const suffix = [SUFFIX, OLDER].find((one) => file.endsWith(one));
  return suffix === undefined ? "" : file.slice(0, -suffix.length);
}

/** The bytes of a file. */
export function encodeLatest(document: StoredHeartbeat): Uint8Array {
  return Bun.zstdCompressSync(`${JSON.stringify(document)}\n`, { level: LEVEL });
}

/** Reads the bytes of a file; null when they are none of ours, such as what a power cut tore. */
export function decodeLatest(bytes: Uint8Array): StoredHeartbeat | null {
  let text: string;
  try {
    text = Bun.zstdDecompressSync(bytes).toString("utf8");
  } catch {
    return null;
  }
  return parseStored(text);
}

/** What is no file of ours is unreadable, as a torn one is. @throws the disk's error */
export async function readLatest(dir: string, host: string): Promise<FoundHost> {
  try {
    const bytes = await readBytesIfExists(latestPath(dir, host), LATEST_BYTES);
    if (bytes !== null) return foundOf(decodeLatest(bytes));
    const older = await readIfExists(join(dir, `${host}${OLDER}`), LATEST_BYTES);
    return older === null ? { kind: "none" } : foundOf(parseStored(older));
  } catch (error) {
    const code = errorCode(error);
    // That is the directory's fault: no heartbeat replaces it.
    if (isWrongKind(code) && code !== "ENOTDIR") return { kind: "unreadable" };
    throw error;
  }
}

function foundOf(stored: StoredHeartbeat | null): FoundHost {
  return stored === null ? { kind: "unreadable" } : { kind: "found", stored };
}
