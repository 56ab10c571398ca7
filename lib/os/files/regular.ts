// Opening what should be a file of ours: whatever has its name, nobody waits for a pipe or reads a device without end.

import { constants, lstatSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "../../core/failure.ts";

export interface RegularFile extends AsyncDisposable {
  handle: FileHandle;
  /** Bytes when it was opened. */
  size: number;
}

/**
 * Opens a regular file for reading; the caller closes it. Links are followed, and nothing is waited for.
 * @throws Error of the system; EISDIR or EINVAL for what is no regular file, EFBIG for more than `maxBytes`
 */
export async function openRegular(path: string, maxBytes = Number.POSITIVE_INFINITY): Promise<RegularFile> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    const { size } = stats;
    if (stats.isFile() && size <= maxBytes) return { handle, size, [Symbol.asyncDispose]: () => handle.close() };
    if (stats.isDirectory()) throw failure("EISDIR", path, "is a directory");
    throw stats.isFile()
      ? failure("EFBIG", path, `has more than ${maxBytes} bytes`)
      : failure("EINVAL", path, "is no regular file");
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function failure(code: string, path: string, why: string): Error {
  return Object.assign(new Error(`${code}: ${path} ${why}`), { code, path });
}

/** The first `size` bytes of a file: in one read as a rule, where `readFile` takes four turns of the disk's threads. */
export async function readBytes({ handle, size }: Pick<RegularFile, "handle" | "size">): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await handle.read(bytes, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}

/** What is met at the name of a file, or on the way to it, that is of another kind: a directory, a pipe, a device, a link in a circle. */
const WRONG_KIND: readonly string[] = ["EISDIR", "EINVAL", "EFBIG", "ELOOP", "ENOTDIR", "ENXIO", "ENODEV"];

/** Whether something of the wrong kind, or a file larger than any of ours, was in the way. */
export function isWrongKind(code: string | null): boolean {
  return code !== null && WRONG_KIND.includes(code);
}

/** Which name has to be cleared for that: the one that was asked for, or the one above it that is no directory. */
export function wrongAt(path: string): string {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    try {
      lstatSync(at);
      return at;
    } catch (error) {
      const code = errorCode(error);
      if (code !== "ENOTDIR" && code !== "ELOOP") return at;
    }
  }
  return path;
}
