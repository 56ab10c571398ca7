// The outbox: one packed archive and one small record an episode. It is a cache: whatever is missing or doubtful in it
// is packed again. That is why archives are not flushed to the disk here (a small one that is shipped at once never even
// gets there), and why an archive from an earlier boot is not believed: a power cut may have left holes in it.

import { closeSync, constants, createReadStream, writeFileSync } from "node:fs";
import { lstat, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { isSha256Hex, isTreeDigest } from "../../contract/digest.ts";
import { ARCHIVE_SUFFIX, isName } from "../../contract/names.ts";
import { MARKER } from "../../contract/places.ts";
import { errorCode } from "../../core/failure.ts";
import { failpoint } from "../../os/failpoint.ts";
import { cleared, clearName, exists, readRegularFile } from "../../os/files/files.ts";
import { makeNew } from "../../os/files/owner.ts";
import { directoryId, isSameDirectory } from "../episode/directory-id.ts";

export interface OutboxRecord {
  id: string;
  /** The episode's directory when it was packed: another one of this name is another episode. See episode/directory-id.ts. */
  directory_inode: string;
  finished_ms: number;
  fingerprint: string;
  bytes: number;
  sha256: string;
  /** See `isTreeDigest`. */
  tree_sha256: string;
  /** The same as an older release would have had it, where that is another. */
  first_tree_sha256?: string | null;
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
  await cleared(paths.archive, () => rename(paths.part, paths.archive));
  failpoint("outbox.after-archive");
  // A torn record is as good as none: nothing is flushed here.
  const fd = await cleared(paths.record, () => makeNew(paths.record, constants.O_WRONLY, 0o640));
  try {
    writeFileSync(fd, `${JSON.stringify(record)}\n`);
  } finally {
    closeSync(fd);
  }
}

/** Whether the archive that a record speaks of is there at all: somebody may have cleared the outbox. */
export async function hasArchive(outboxDir: string, id: string): Promise<boolean> {
  return (await archiveBytes(outboxPaths(outboxDir, id).archive)) !== null;
}

/**
 * Forgets an episode that is settled, or that can be packed again from its directory. Should a power cut bring both files
 * back, they are packed again, or sent again and found to be there: nothing needs flushing.
 */
export async function dropRecord(outboxDir: string, id: string): Promise<void> {
  const paths = outboxPaths(outboxDir, id);
  failpoint("outbox.before-drop");
  await clearName(paths.archive);
  failpoint("outbox.archive-dropped");
  await clearName(paths.record);
}

export interface Recovered {
  records: OutboxRecord[];
  /** Archives without a readable directory to pack them from again and without a record that proves them: left alone. */
  strays: string[];
  /** What should have been removed and could not be, with the errno. */
  stuck: { name: string; code: string }[];
}

/** Our records have some five hundred bytes; what is longer is none. */
const RECORD_MAX_BYTES = 64 * 1024;

/**
 * What earlier runs left. Whatever can be packed again from its directory is removed unless it is whole and of this boot;
 * an archive whose directory is gone may be the last copy, so it stays, and is sent if its digest proves it.
 * @param bootId this boot's /proc/sys/kernel/random/boot_id
 */
export async function recoverOutbox(outboxDir: string, episodesDir: string, bootId: string): Promise<Recovered> {
  const names = await readdir(outboxDir);
  const found: Recovered = { records: [], strays: [], stuck: [] };
  const kept = new Set<string>();
  for (const name of names.filter((n) => n.endsWith(".json") && isName(n.slice(0, -".json".length)))) {
    const id = name.slice(0, -".json".length);
    const record = parseRecord((await readRegularFile(join(outboxDir, name), RECORD_MAX_BYTES)) ?? "", id);
    if (record === null || !(await isUsable(outboxDir, episodesDir, record, bootId))) continue;
    found.records.push(record);
    kept.add(id);
  }
  for (const name of names) {
    const id = /^(.+)(?:\.tar\.zst|\.json)$/.exec(name)?.[1] ?? null;
    const isLeftover = name.startsWith(".") && name.endsWith(".part");
    if (!isLeftover && (id === null || !isName(id) || kept.has(id))) continue;
    if (isLeftover || (await mayGo(outboxDir, episodesDir, id ?? "", name))) await remove(found, outboxDir, name);
    else if (name.endsWith(ARCHIVE_SUFFIX)) found.strays.push(name);
  }
  return found;
}

/** What cannot be removed keeps its own episode waiting, and no other. */
async function remove({ stuck }: Recovered, outboxDir: string, name: string): Promise<void> {
  try {
    await clearName(join(outboxDir, name));
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    stuck.push({ name, code });
  }
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
  if ((await archiveBytes(archive)) !== record.bytes) return false;
  if (record.boot_id === bootId) return true;
  if (await isStanding(episodesDir, record)) return false;
  return (await sha256OfFile(archive)) === record.sha256;
}

/** Whether the very directory that was packed stands there, finished, to be packed again. */
async function isStanding(episodesDir: string, record: OutboxRecord): Promise<boolean> {
  if ((await stands(episodesDir, record.id)) !== true) return false;
  return isSameDirectory(record.directory_inode, await directoryId(join(episodesDir, record.id)));
}

/** Null when there is none. */
async function archiveBytes(path: string): Promise<number | null> {
  try {
    const stats = await lstat(path);
    return stats.isFile() ? stats.size : null;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
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

/** Null for one that cannot be read to its end: nobody can prove it then. */
async function sha256OfFile(path: string): Promise<string | null> {
  const hash = new Bun.CryptoHasher("sha256");
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
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
    isTreeDigest(value.tree_sha256);
  return isWhole ? ({ finished_ms: 0, code_commit: null, boot_id: "", ...value } as OutboxRecord) : null;
}
