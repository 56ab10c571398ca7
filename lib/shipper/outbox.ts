// The outbox: one packed archive and one small record an episode. It is a cache: whatever is missing or doubtful in it
// is packed again. That is why archives are not flushed to the disk here (a small one that is shipped at once never even
// gets there), and why an archive from an earlier boot is not believed: a power cut may have left holes in it.

import { createReadStream } from "node:fs";
import { readdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { isSha256Hex } from "../core/digest.ts";
import { errorCode } from "../core/failure.ts";
import { ARCHIVE_SUFFIX, isName } from "../core/names.ts";
import { failpoint } from "../os/failpoint.ts";
import { exists, fsyncDir, removeIfExists, writeFileDurable } from "../os/files.ts";
import { MARKER } from "./marker.ts";

/** Where an episode goes and what is written into it there; decided, and perhaps not yet done. */
export interface Settlement {
  to: "shipped" | "quarantine";
  /** Name of the directory there: the episode's, or with a suffix when that was taken. */
  target: string;
  /** `receipt.json` or `rejection.json`. */
  document: Record<string, unknown>;
}

export interface OutboxRecord {
  id: string;
  /** The episode's directory when it was packed: another directory of this name is another episode. */
  directory_inode: string;
  finished_ms: number;
  fingerprint: string;
  bytes: number;
  sha256: string;
  tree_sha256: string;
  code_commit: string | null;
  boot_id: string;
  mismatches: number;
  settlement: Settlement | null;
}

/** A record of an episode that was never packed. */
export const EMPTY_RECORD: Omit<OutboxRecord, "id" | "directory_inode"> = {
  finished_ms: 0,
  fingerprint: "",
  bytes: 0,
  sha256: "",
  tree_sha256: "",
  code_commit: null,
  boot_id: "",
  mismatches: 0,
  settlement: null,
};

/** Path of an episode's archive, of its record, and of the archive while it is written. */
export function outboxPaths(outboxDir: string, id: string) {
  return {
    archive: join(outboxDir, `${id}${ARCHIVE_SUFFIX}`),
    record: join(outboxDir, `${id}.json`),
    part: join(outboxDir, `.${id}.part`),
  };
}

/** Gives a freshly packed archive its name and writes its record. */
export async function admitArchive(outboxDir: string, record: OutboxRecord): Promise<void> {
  const paths = outboxPaths(outboxDir, record.id);
  failpoint("outbox.before-admit");
  await rename(paths.part, paths.archive);
  failpoint("outbox.after-archive");
  await writeRecord(outboxDir, record);
}

/** Replaces an episode's record; after a power cut it is the old one or the new one. */
export async function writeRecord(outboxDir: string, record: OutboxRecord): Promise<void> {
  await writeFileDurable(outboxPaths(outboxDir, record.id).record, `${JSON.stringify(record)}\n`);
}

/**
 * Forgets an episode that is settled, or that can be packed again from its directory: archive first, record last, and for good. A record that came back after a power cut could settle
 * a later episode of the same name.
 */
export async function dropRecord(outboxDir: string, id: string): Promise<void> {
  const paths = outboxPaths(outboxDir, id);
  failpoint("outbox.before-drop");
  await removeIfExists(paths.archive);
  failpoint("outbox.archive-dropped");
  await removeIfExists(paths.record);
  failpoint("outbox.record-dropped");
  await fsyncDir(outboxDir);
}

export interface Recovered {
  records: OutboxRecord[];
  /** Archives without a directory to pack them from again and without a record that proves them: left alone. */
  strays: string[];
}

/**
 * What earlier runs left. Whatever can be packed again from its directory is removed unless it is whole and of this boot;
 * an archive whose directory is gone may be the last copy, so it stays, and is sent if its digest proves it.
 * @param bootId this boot's /proc/sys/kernel/random/boot_id
 */
export async function recoverOutbox(outboxDir: string, episodesDir: string, bootId: string): Promise<Recovered> {
  const names = await readdir(outboxDir);
  const found: Recovered = { records: [], strays: [] };
  const kept = new Set<string>();
  for (const name of names.filter((n) => n.endsWith(".json") && isName(n.slice(0, -".json".length)))) {
    const id = name.slice(0, -".json".length);
    const record = parseRecord(await readFile(join(outboxDir, name), "utf8"), id);
    if (record === null || !(await isUsable(outboxDir, episodesDir, record, bootId))) continue;
    found.records.push(record);
    kept.add(id);
  }
  for (const name of names) {
    const id = /^(.+)(?:\.tar\.zst|\.json)$/.exec(name)?.[1] ?? null;
    // `.<id>.part` of the packer and `.<id>.json.<pid>.tmp` of a record.
    if (/^\..+\.(?:part|tmp)$/.test(name)) await removeIfExists(join(outboxDir, name));
    else if (id === null || kept.has(id)) continue;
    else if (await exists(join(episodesDir, id, MARKER))) await removeIfExists(join(outboxDir, name));
    else if (name.endsWith(ARCHIVE_SUFFIX)) found.strays.push(name);
  }
  return found;
}

async function isUsable(
  outboxDir: string,
  episodesDir: string,
  record: OutboxRecord,
  bootId: string,
): Promise<boolean> {
  if (record.settlement !== null) return true;
  const { archive } = outboxPaths(outboxDir, record.id);
  try {
    if ((await stat(archive)).size !== record.bytes) return false;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
  if (record.boot_id === bootId) return true;
  return !(await exists(join(episodesDir, record.id, MARKER))) && (await sha256OfFile(archive)) === record.sha256;
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash.digest("hex");
}

function parseRecord(text: string, id: string): OutboxRecord | null {
  let value: Partial<OutboxRecord> | null;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  if (value.id !== id || typeof value.directory_inode !== "string") return null;
  const record = { ...EMPTY_RECORD, ...value, id, directory_inode: value.directory_inode };
  const isPacked = isSha256Hex(record.sha256) && isSha256Hex(record.tree_sha256) && record.fingerprint !== "";
  return isPacked || record.settlement !== null ? record : null;
}
