// Where the files of a release are had from: its directory, or one file that holds it (a tar archive). What comes from there counts for
// nothing before it is proved (open.ts, stage.ts).

import { closeSync, constants, createReadStream, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { TAR_BLOCK, tarPadding } from "../core/tar.ts";
import { quoted } from "../core/text/fields.ts";

export interface ReleaseSource extends Disposable {
  /** As a person knows it. */
  name: string;
  /** The bytes of a file of it, as they come; null: it has none of that name. Rejects as the system does. */
  read(path: string): Promise<AsyncIterable<Uint8Array> | null>;
}

/** Opens a directory, or a file that holds one. @throws UserError: it is neither */
export function openSource(path: string): ReleaseSource {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new UserError(`cannot read the release ${path}: ${quoted(errorText(error))}`);
  }
  const stats = fstatSync(fd);
  if (stats.isFile()) return openArchive(path, fd, stats.size);
  closeSync(fd);
  if (!stats.isDirectory()) throw new UserError(`the release ${path} is neither a directory nor a file`);
  return { name: path, read: async (file) => readFileOf(path, file), [Symbol.dispose]: () => {} };
}

function readFileOf(dir: string, path: string): AsyncIterable<Uint8Array> | null {
  try {
    // Nothing but a regular file, and never a wait.
    const fd = openSync(join(dir, path), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    if (fstatSync(fd).isFile()) return createReadStream("", { fd });
    closeSync(fd);
    return null;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errorCode(error) ?? "")) return null;
    throw error;
  }
}

interface Member {
  at: number;
  bytes: number;
}

const LIST = "release.json";

/** @throws UserError: it is no archive that holds a release */
function openArchive(path: string, fd: number, size: number): ReleaseSource {
  const members = membersOf(fd, size);
  // Whoever packed it may have packed its directory, too.
  const [list] = [...members.keys()].filter((name) => name === LIST || name.endsWith(`/${LIST}`)).sort(byLength);
  if (list === undefined) {
    closeSync(fd);
    throw new UserError(`${path} holds no ${LIST}`, "name the .tar of a release, or its directory");
  }
  const prefix = list.slice(0, -LIST.length);
  return {
    name: path,
    async read(file) {
      const member = members.get(prefix + file);
      return member === undefined ? null : bytesAt(fd, member);
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

function byLength(a: string, b: string): number {
  return a.length - b.length;
}

/** Regular files by their names, without a leading `./`; what is torn ends the list. */
function membersOf(fd: number, size: number): Map<string, Member> {
  const members = new Map<string, Member>();
  const header = Buffer.alloc(TAR_BLOCK);
  let at = 0;
  while (at + TAR_BLOCK <= size && readSync(fd, header, 0, TAR_BLOCK, at) === TAR_BLOCK) {
    const bytes = Number.parseInt(fieldOf(header, 124, 12), 8);
    if (header[0] === 0 || !(bytes >= 0) || fieldOf(header, 257, 5) !== "ustar") break;
    const prefix = fieldOf(header, 345, 155);
    const name = `${prefix === "" ? "" : `${prefix}/`}${fieldOf(header, 0, 100)}`.replace(/^\.\//, "");
    const kind = String.fromCharCode(header[156] ?? 0);
    if (kind === "0" || kind === "\0") members.set(name, { at: at + TAR_BLOCK, bytes });
    at += TAR_BLOCK + bytes + tarPadding(bytes);
  }
  return members;
}

function fieldOf(header: Buffer, at: number, length: number): string {
  return (header.toString("latin1", at, at + length).split("\0")[0] ?? "").trim();
}

const CHUNK_BYTES = 256 * 1024;

async function* bytesAt(fd: number, { at, bytes }: Member): AsyncGenerator<Uint8Array> {
  for (let read = 0; read < bytes; ) {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, bytes - read));
    const count = readSync(fd, chunk, 0, chunk.length, at + read);
    // It was cut: what is missing shows in the digest.
    if (count === 0) return;
    read += count;
    yield chunk.subarray(0, count);
  }
}
