// heartbeats/<host>.json.zst: what is known of each host, read and replaced as a whole. It is written anew with each heartbeat, so
// it is compressed: a fifteenth of the bytes on the disk of a collector that hears from a thousand hosts every minute.

import { open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseStored, type StoredHeartbeat } from "../../contract/host-document.ts";
import { isName } from "../../contract/names.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { briefOf, type HostBrief, type Unreadable, unreadableBrief } from "../../fleet/view.ts";
import { failpoint } from "../../os/failpoint.ts";
import { makeDirsNow, settleNew } from "../../os/files/owner.ts";
import { HERE, type NeedHere } from "../disk/presence.ts";
import { mapInTurns } from "./turns.ts";

const SUFFIX = ".json.zst";
/** Plain, as it was before; read until the host's next heartbeat. */
const OLDER = ".json";
/** Figures move, words stay: a higher level costs more and saves little. */
const LEVEL = 1;
/** Names looked at between two turns of the event loop. */
const NAMES_PER_TURN = 2000;

export type FoundHost = { kind: "found"; stored: StoredHeartbeat } | { kind: "none" } | { kind: "unreadable" };

/** Where what is known of a host is kept. */
export function latestPath(dir: string, host: string): string {
  return join(dir, `${host}${SUFFIX}`);
}

/** The bytes of a file. Pure. */
export function encodeLatest(document: StoredHeartbeat): Uint8Array {
  return Bun.zstdCompressSync(`${JSON.stringify(document)}\n`, { level: LEVEL });
}

/** Reads the bytes of a file; null when they are none of ours, such as what a power cut tore. Pure. */
export function decodeLatest(bytes: Uint8Array): StoredHeartbeat | null {
  let text: string;
  try {
    text = Bun.zstdDecompressSync(bytes).toString("utf8");
  } catch {
    return null;
  }
  return parseStored(text);
}

/**
 * The names of all hosts of whom a heartbeat is kept, sorted; nothing of them is read.
 * @param isKnown spares a look at a name that was one before
 * @throws the disk's error when the directory cannot be read
 */
export async function hostNames(dir: string, isKnown: (host: string) => boolean = () => false): Promise<string[]> {
  const files = await readdir(dir).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  });
  const names = await mapInTurns(files, NAMES_PER_TURN, (file) => {
    const host = hostOf(file);
    return isKnown(host) || isName(host) ? host : null;
  });
  return [...new Set(names.filter((name) => name !== null))].sort();
}

function hostOf(file: string): string {
  const suffix = [SUFFIX, OLDER].find((one) => file.endsWith(one));
  return suffix === undefined ? "" : file.slice(0, -suffix.length);
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

/** As much of a host as a listing needs; one that cannot be read is said to be so. Null: it is gone. */
export async function readBrief(dir: string, host: string): Promise<HostBrief | null> {
  let why: Unreadable = "torn";
  const found = await readLatest(dir, host).catch((error: unknown): FoundHost => {
    why = errorCode(error) ?? errorText(error);
    return { kind: "unreadable" };
  });
  if (found.kind === "found") return briefOf(host, found.stored);
  for (const suffix of [SUFFIX, OLDER]) {
    const facts = await stat(join(dir, `${host}${suffix}`)).catch(() => null);
    if (facts !== null) return unreadableBrief(host, facts.mtimeMs, why);
  }
  return null;
}

/**
 * Replaces a host's document: killed at any time, it is the old one or the new one, whole.
 * @param needHere asked before anything is made
 * @throws the disk's error
 */
export async function replaceLatest(
  dir: string,
  host: string,
  document: StoredHeartbeat,
  needHere: NeedHere = HERE,
): Promise<void> {
  needHere();
  makeDirsNow(dir, 0o750);
  // One writer for each host: a temporary file that a kill left is written over.
  const temp = join(dir, `.${host}${SUFFIX}.tmp`);
  const handle = await open(temp, "w", 0o640);
  try {
    settleNew(handle.fd, temp, 0o640);
    await handle.writeFile(encodeLatest(document));
  } finally {
    await handle.close();
  }
  failpoint("receiver.before-heartbeat-rename");
  await rename(temp, latestPath(dir, host));
  failpoint("receiver.after-heartbeat-rename");
  // Looked for each time: a kill may have left it, and who removes the other one would have that host back.
  await rm(join(dir, `${host}${OLDER}`), { force: true });
}
