// heartbeats/<host>.json.zst: what is known of each host, read as a whole. It is written anew with each heartbeat, so it is compressed: a
// fifteenth of the bytes on the disk of a collector that hears from a thousand hosts every minute.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseStored, type StoredHeartbeat } from "../../contract/host-document.ts";
import { errorCode } from "../../core/failure.ts";

export const SUFFIX = ".json.zst";
/** Plain, as it was before; read until the host's next heartbeat. */
export const OLDER = ".json";
/** Figures move, words stay: a higher level costs more and saves little. */
const LEVEL = 1;

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

/** @throws the disk's error */
export async function readLatest(dir: string, host: string): Promise<FoundHost> {
  const bytes = await readIfThere(latestPath(dir, host));
  if (bytes !== null) return foundOf(decodeLatest(bytes));
  const older = await readIfThere(join(dir, `${host}${OLDER}`));
  return older === null ? { kind: "none" } : foundOf(parseStored(older.toString("utf8")));
}

function foundOf(stored: StoredHeartbeat | null): FoundHost {
  return stored === null ? { kind: "unreadable" } : { kind: "found", stored };
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}
