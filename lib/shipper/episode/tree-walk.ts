// Lists an episode's directory for packing: regular files and directories only, in byte order, with what tells whether
// it changed since. Links, devices and sockets are named, never followed. Each call is synchronous, since a promise per file would
// cost more than the call; the packing thread takes the walk in steps, so that a million files keep no small episode waiting.

import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  type Stats,
} from "node:fs";
import { readableName, shortName } from "./byte-name.ts";
import { DOCUMENT_MAX_BYTES, isDocumentName, isOurDocument } from "./document.ts";

/** Bytes of a block, as st_blocks counts them (stat(2)). */
export const STAT_BLOCK = 512;

const NS_PER_S = 1_000_000_000n;
/**
 * Longest path below the episode, bytes. The kernel takes 4,096 in all (PATH_MAX), and the rest is room for where the
 * episode lies: the same episode can be packed in every data root, or in none.
 */
export const PATH_BYTES = 3840;
/** Largest episode, bytes: beyond it, packing would never end. */
export const EPISODE_BYTES = 16 * 1024 ** 4;

export interface TreeEntry {
  /** Below the episode's directory, `/`-separated, one character a byte (latin1); the directory itself is "". */
  path: string;
  kind: "file" | "directory";
  /** Bytes; 0 for a directory. */
  size: number;
  executable: boolean;
  /** Whole seconds since 1970, negative before; 0 for a directory, whose own time tells nothing of the episode. */
  mtimeS: number;
}

export interface Tree {
  entries: TreeEntry[];
  /** Sum of the files' sizes. */
  bytes: number;
  /** Of these the bytes that are no holes, about: what an archive may need at most. */
  onDisk: number;
  /** What was left out, with its kind: `latest (symbolic link)`. */
  skipped: string[];
  /** What no archive can hold, with the reason; then the episode cannot be packed at all. */
  unpackable: string[];
  /** A text that is equal for two walks only if nothing changed in between. */
  fingerprint: string;
}

/** The path of `below` (latin1) under `root` (UTF-8), as bytes for the file system. */
export function bytePath(root: string, below: string): Buffer {
  return Buffer.concat([Buffer.from(root), Buffer.from(below === "" ? "" : `/${below}`, "latin1")]);
}

/** A file that was not what it had been a moment before: pack again. */
export class SourceChanged extends Error {
  override name = "SourceChanged";
}

/**
 * Opens a regular file for reading. What has become a link or a pipe meanwhile neither leads elsewhere nor blocks.
 * @throws SourceChanged, or the file system's error
 */
export function openRegular(path: Buffer | string): { fd: number; stats: Stats } {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stats = fstatSync(fd);
  if (stats.isFile()) return { fd, stats };
  closeSync(fd);
  throw new SourceChanged(`${shortName(Buffer.from(path).toString("latin1"))} is no file any more`);
}

/** Entries of a step: some milliseconds. */
const STEP = 500;

/** A walk that stops after each step. */
export type Steps<T> = Generator<void, T>;

/** Reads the tree below `root`. @throws the file system's error for what cannot be read */
export function* treeSteps(root: string): Steps<Tree> {
  const entries: TreeEntry[] = [];
  return { ...(yield* walk(root, (entry) => entries.push(entry))), entries };
}

/** The fingerprint alone: of a tree of millions of files nothing is kept. @throws the file system's error */
export function* fingerprintSteps(root: string): Steps<string> {
  return (yield* walk(root, () => {})).fingerprint;
}

interface Walk {
  root: string;
  take: (entry: TreeEntry) => void;
  seen: number;
  hash: Bun.CryptoHasher;
  found: Omit<Tree, "entries" | "fingerprint">;
}

function* walk(root: string, take: Walk["take"]): Steps<Omit<Tree, "entries">> {
  const found = { bytes: 0, onDisk: 0, skipped: [], unpackable: [] } as Walk["found"];
  const hash = new Bun.CryptoHasher("sha256");
  yield* visitDirectory({ root, take, seen: 0, hash, found }, "");
  if (found.bytes > EPISODE_BYTES)
    found.unpackable.push(`the files have ${found.bytes} bytes in all, and at most ${EPISODE_BYTES} are packed`);
  for (const name of found.skipped) hash.update(`skipped ${name}\0`);
  for (const name of found.unpackable) hash.update(`unpackable ${name}\0`);
  return { ...found, fingerprint: hash.digest("hex") };
}

function* visitDirectory(walk: Walk, path: string): Steps<void> {
  const { root, found } = walk;
  const full = bytePath(root, path);
  visit(walk, path, "directory", lstatSync(full, { bigint: true }));
  const names = readdirSync(full, { encoding: "buffer" }).map((name) => name.toString("latin1"));
  for (const name of names.sort()) {
    const below = path === "" ? name : `${path}/${name}`;
    if (below.length > PATH_BYTES) {
      found.unpackable.push(
        `${shortName(below)} is a path of ${below.length} bytes, and at most ${PATH_BYTES} are packed`,
      );
      continue;
    }
    const stats = lstatSync(bytePath(root, below), { bigint: true });
    if (++walk.seen % STEP === 0) yield;
    if (stats.isDirectory()) yield* visitDirectory(walk, below);
    else if (stats.isFile() && isDocument(root, below, Number(stats.size))) continue;
    else if (stats.isFile()) {
      visit(walk, below, "file", stats);
      found.bytes += Number(stats.size);
      found.onDisk += Math.min(Number(stats.size), Number(stats.blocks) * STAT_BLOCK);
    } else found.skipped.push(`${readableName(below)} (${kindOf(stats)})`);
  }
}

function visit(walk: Walk, path: string, kind: TreeEntry["kind"], stats: BigIntStats): void {
  const entry = entryOf(path, kind, stats);
  // A directory's names are in the list anyway, and its times change when the episode is moved.
  const stamp = kind === "file" ? `${stats.mtimeNs} ${stats.ino}` : "";
  walk.hash.update(`${kind} ${entry.size} ${stamp} ${path}\0`);
  walk.take(entry);
}

/** Our own receipt or rejection from an earlier time: an episode that came back is the same episode without it. */
function isDocument(root: string, path: string, size: number): boolean {
  if (!isDocumentName(path) || size > DOCUMENT_MAX_BYTES) return false;
  const { fd } = openRegular(bytePath(root, path));
  try {
    return isOurDocument(readFileSync(fd, "utf8"), root);
  } finally {
    closeSync(fd);
  }
}

function entryOf(path: string, kind: TreeEntry["kind"], s: BigIntStats): TreeEntry {
  const isFile = kind === "file";
  return {
    path,
    kind,
    size: isFile ? Number(s.size) : 0,
    executable: isFile && (Number(s.mode) & constants.S_IXUSR) !== 0,
    mtimeS: isFile ? wholeSeconds(s.mtimeNs) : 0,
  };
}

/** The second that has begun: also before 1970, where a quotient would be cut towards it. */
function wholeSeconds(ns: bigint): number {
  return Number((ns - (((ns % NS_PER_S) + NS_PER_S) % NS_PER_S)) / NS_PER_S);
}

function kindOf(stats: BigIntStats): string {
  if (stats.isSymbolicLink()) return "symbolic link";
  if (stats.isFIFO()) return "named pipe";
  return stats.isSocket() ? "socket" : "device";
}
