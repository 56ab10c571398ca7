// From the connection to a temporary file of this attempt alone, hashing on the way. Nothing here gives it a name that
// counts.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { EpisodeAddress } from "../../contract/names.ts";
import type { BodyEnd, UploadBody } from "../http/body.ts";
import type { Disk } from "../store/disk.ts";

/** Flushed in between every so many bytes: the last flush is short then, and a slow disk slows the sender early. */
const FLUSH_EVERY_BYTES = 64 * 1024 * 1024;

/** The name of a new temporary file: never that of another attempt (restic/rest-server#142). */
export function tempPath(incoming: string, { host, id }: EpisodeAddress): string {
  // Cut, since a host and an id of 128 characters would not leave room for the rest within NAME_MAX.
  return join(incoming, `${host.slice(0, 60)}.${id.slice(0, 100)}.${randomBytes(12).toString("hex")}.part`);
}

/**
 * Reads a body to its end into an open file. One chunk is held at a time: it is hashed while it is written, and the next
 * one waits in the kernel. (To hold two made uploads no faster and the process twice as large.)
 * @param wrote called with the size of each chunk that was written
 * @throws the disk's error
 */
export async function receiveBody(
  disk: Disk,
  fd: number,
  body: UploadBody,
  wrote: (bytes: number) => void,
): Promise<{ bytes: number; sha256: string } | Exclude<BodyEnd, "end">> {
  const hash = new Bun.CryptoHasher("sha256");
  let bytes = 0;
  let unflushed = 0;
  for (;;) {
    const chunk = await body.read();
    if (typeof chunk === "string") return chunk === "end" ? { bytes, sha256: hash.digest("hex") } : chunk;
    if (unflushed >= FLUSH_EVERY_BYTES) {
      await disk.flush(fd);
      unflushed = 0;
    }
    const writing = disk.write(fd, chunk, bytes);
    hash.update(chunk);
    await writing;
    wrote(chunk.length);
    bytes += chunk.length;
    unflushed += chunk.length;
  }
}
