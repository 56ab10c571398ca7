// The outbox: one packed archive and one small record an episode. It is a cache: whatever is missing or doubtful in it
// is packed again. That is why archives are not flushed to the disk here (a small one that is shipped at once never even
// gets there), and why an archive from an earlier boot is not believed: a power cut may have left holes in it.

import { closeSync, constants, createReadStream, writeFileSync } from "node:fs";
import { readdir, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { isSha256Hex } from "../core/digest.ts";
import { errorCode } from "../core/failure.ts";
import { ARCHIVE_SUFFIX, isName } from "../core/names.ts";
import { failpoint } from "../os/failpoint.ts";
import { exists, removeIfExists } from "../os/files.ts";
import { openOrMake } from "../os/owner.ts";
import { MARKER } from "./marker.ts";
import { inodeOf } from "./settle.ts";

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
}

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
  // A torn record is as good as none: nothing is flushed here.
  const fd = openOrMake(paths.record, constants.O_WRONLY | constants.O_TRUNC, 0o640);
  try {
    writeFileSync(fd, `${JSON.stringify(record)}\n`);
  } finally {
    closeSync(fd);
  }
}

/**
 * Forgets an episode that is settled, or that can be packed again from its directory. Should a power cut bring both files
 * back, they are packed again, or sent again and found to be there: nothing needs flushing.
 */
export async function dropRecord(outboxDir: string, id: string): Promise<void> {
  const paths = outboxPaths(outboxDir, id);
  failpoint("outbox.before-drop");
  await removeIfExists(paths.archive);
  failpoint("outbox.archive-dropped");
  await removeIfExists(paths.record);
}

export interface Recovered {
  records: OutboxRecord[];
  /** Archives without a readable directory to pack them from again and without a record that proves them: left alone. */
  strays: string[];
}

/**
 * What earlier runs left. Whatever can be packed again from its directory is removed unless it is whole and of this boot;
 * an archive whose directory is gone may be the last copy, so it stays, and is sent if its digest proves it.
 * @param bootId this boot's /proc/sys/kernel/random/boot_id
 */
export async function recoverOutbox(outboxDir: string, episodesDir: string, bootId: string): Promise<Recovered> {
  const entries = await readdir(outboxDir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
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
    const isLeftover = name.startsWith(".") && name.endsWith(".part");
    if (isLeftover) await removeIfExists(join(outboxDir, name));
    else if (id === null || kept.has(id)) continue;
    else if (await mayGo(outboxDir, episodesDir, id, name)) await removeIfExists(join(outboxDir, name));
    else if (name.endsWith(ARCHIVE_SUFFIX)) found.strays.push(name);
  }
  return found;
}

/** A file of the outbox goes if the episode can be packed again; a record also if it has no archive to speak of. */
async function mayGo(outboxDir: string, episodesDir: string, id: string, name: string): Promise<boolean> {
  if ((await stands(episodesDir, id)) === true) return true;
  return name.endsWith(".json") && !(await exists(outboxPaths(outboxDir, id).archive));
}

async function isUsable(
  outboxDir: string,
  episodesDir: string,
  record: OutboxRecord,
  bootId: string,
): Promise<boolean> {
  const { archive } = outboxPaths(outboxDir, record.id);
  try {
    if ((await stat(archive)).size !== record.bytes) return false;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
  if (record.boot_id === bootId) return true;
  // Another directory under its name is another episode: then the archive is the last copy of the one that was packed.
  const isThere = (await stands(episodesDir, record.id)) === true && (await isSameDirectory(episodesDir, record));
  return !isThere && (await sha256OfFile(archive)) === record.sha256;
}

async function isSameDirectory(episodesDir: string, { id, directory_inode }: OutboxRecord): Promise<boolean> {
  return (await inodeOf(join(episodesDir, id))) === directory_inode;
}

/** Whether a finished episode stands there, to be packed again; null when we may not look: then nobody knows. */
async function stands(episodesDir: string, id: string): Promise<boolean | null> {
  try {
    return await exists(join(episodesDir, id, MARKER));
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
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
  const isWhole =
    value.id === id &&
    typeof value.directory_inode === "string" &&
    typeof value.fingerprint === "string" &&
    typeof value.bytes === "number" &&
    isSha256Hex(value.sha256) &&
    isSha256Hex(value.tree_sha256);
  return isWhole ? ({ finished_ms: 0, code_commit: null, boot_id: "", ...value } as OutboxRecord) : null;
}
