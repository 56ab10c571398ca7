// What a collector serves: releases as they were made, each in a directory, and `current`, which names the one that is taken. Root's alone:
// the receiver reads it.

import { createHash } from "node:crypto";
import { mkdir, open, readlink, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseRelease, piecePath, type Release } from "../contract/release.ts";
import { EXIT } from "../core/exit.ts";
import { errorCode, UserError } from "../core/failure.ts";
import { makeDir, namesIn, readIfExists, renameDurable, symlinkDurable } from "../os/files/files.ts";
import { fsyncTree } from "./fsync-tree.ts";
import { isFile } from "./is-file.ts";
import { type Opened, refused } from "./open.ts";
import { Pieces } from "./pieces.ts";
import type { ReleaseSource } from "./source.ts";

export const CURRENT = "current";
const ANEW = "take the release anew: it was cut or changed on its way";

/** The directory of a release, below that of all. */
export function shelfName({ version, serial }: Pick<Release, "version" | "serial">): string {
  return `${version}-${serial}`;
}

/** The one that is served; null: none. Rejects as the system does. */
export async function servedName(shelf: string): Promise<string | null> {
  try {
    return await readlink(join(shelf, CURRENT));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

/** Its list, as it was proved when it was taken in; null: it is not there. */
export async function shelvedRelease(shelf: string, name: string): Promise<Release | null> {
  const text = await readIfExists(join(shelf, name, "release.json"));
  return text === null ? null : parseRelease(text);
}

/** Names of all that are there, but for what a kill has left. */
export async function shelved(shelf: string): Promise<string[]> {
  return (await namesIn(shelf)).filter((name) => name !== CURRENT && !name.startsWith(".")).sort();
}

/**
 * Takes a release in, whole, and serves it: each piece and each file is proved first. After a power cut, or a kill, it is there or not.
 * @param isForced also one that is older than the one that is served
 * @throws UserError: something is not what the list says, or a newer one is served
 */
export async function shelve(opened: Opened, source: ReleaseSource, shelf: string, isForced: boolean): Promise<string> {
  const { release } = opened;
  const name = shelfName(release);
  const before = await servedName(shelf);
  const served = before === null ? null : await shelvedRelease(shelf, before);
  if (served !== null && served.serial > release.serial && !isForced)
    throw new UserError(
      `${source.name} is older than what is served: serial ${release.serial}, and ${served.serial}`,
      "take the newest one, or say --force to go back",
      EXIT.undelivered,
    );
  await makeDir(shelf, 0o755);
  if (!(await isSound(join(shelf, name), opened))) await putAll(opened, source, shelf, name);
  await symlinkDurable(name, join(shelf, CURRENT));
  return name;
}

async function putAll(opened: Opened, source: ReleaseSource, shelf: string, name: string): Promise<void> {
  const { release, list, signature } = opened;
  const temp = join(shelf, `.${name}.new`);
  await rm(temp, { recursive: true, force: true });
  try {
    await put(join(temp, "release.json"), [list]);
    await put(join(temp, "release.json.minisig"), [signature]);
    for (const { path, sha256 } of release.files) await copy(source, path, sha256, join(temp, path));
    const pieces = new Pieces(source, release);
    for (const [digest, { gzip_sha256 }] of Object.entries(release.pieces)) {
      await copy(source, piecePath(digest), gzip_sha256, join(temp, piecePath(digest)));
      // What it unpacks to is what counts in the end.
      for await (const _ of pieces.read(digest));
    }
    await fsyncTree(temp);
    // One that is damaged makes room: who reads it meanwhile meets another piece, or none, and proves what comes.
    await rm(join(shelf, name), { recursive: true, force: true });
    await renameDurable(temp, join(shelf, name));
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
}

/** Whether it is there, with every byte of it. */
async function isSound(dir: string, { release, list, signature }: Opened): Promise<boolean> {
  const digestOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
  const all: [path: string, sha256: string][] = [
    ["release.json", digestOf(list)],
    ["release.json.minisig", digestOf(signature)],
    ...release.files.map(({ path, sha256 }): [string, string] => [path, sha256]),
    ...Object.entries(release.pieces).map(([digest, { gzip_sha256 }]): [string, string] => [
      piecePath(digest),
      gzip_sha256,
    ]),
  ];
  for (const [path, sha256] of all) if (!(await isFile(join(dir, path), sha256))) return false;
  return true;
}

async function copy(source: ReleaseSource, path: string, sha256: string, to: string): Promise<void> {
  const stream = await source.read(path);
  if (stream === null) throw refused(source, `it has no ${path}`, ANEW);
  if ((await put(to, stream)) !== sha256) throw refused(source, `${path} is not what the list says`, ANEW);
}

/** @returns the digest of what was written */
async function put(path: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const hash = createHash("sha256");
  await using handle = await open(path, "wx", 0o644);
  await handle.chmod(0o644);
  for await (const chunk of chunks) {
    hash.update(chunk);
    for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
  }
  return hash.digest("hex");
}
