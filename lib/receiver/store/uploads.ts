// Uploads under way: one file each in incoming/, of that attempt alone. Nothing here gives it a name that counts.
//
// A record is what a start finds of them: today each ends with its request, and so all that is found is swept. One that outlives its
// request, so that it can be resumed, is a record that `sweepUploads` keeps.

import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { IndexRow } from "../../contract/index-row.ts";
import type { EpisodeAddress } from "../../contract/names.ts";
import { errorText } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import { failpoint } from "../../os/failpoint.ts";
import { entries } from "../../os/files/entries.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { Committed, Upload } from "../episode-store.ts";
import type { Received } from "./commits.ts";
import type { Disk } from "./files/disk.ts";

/** Flushed in between every so many bytes: the last flush is short then, and a slow disk slows the sender early. */
const FLUSH_EVERY_BYTES = 64 * 1024 * 1024;
const SUFFIX = ".part";

/** An upload as it lies in incoming/. */
export interface UploadRecord {
  /** Of its file. */
  name: string;
}

export interface UploadParts {
  incoming: string;
  disk: Disk;
  log: Pick<Log, "error">;
  commit: (received: Received, row: IndexRow) => Promise<Committed>;
}

/** Begins an upload: makes its file. @throws the disk's error */
export async function beginUpload(parts: UploadParts, address: EpisodeAddress): Promise<Upload> {
  const temp = tempPath(parts.incoming, address);
  return new FileUpload(parts, { temp, fd: await parts.disk.create(temp) });
}

/** The name of a new temporary file: never that of another attempt (restic/rest-server#142). */
function tempPath(incoming: string, { host, id }: EpisodeAddress): string {
  // Cut, since a host and an id of 128 characters would not leave room for the rest within NAME_MAX.
  return join(incoming, `${host.slice(0, 60)}.${id.slice(0, 100)}.${randomBytes(12).toString("hex")}${SUFFIX}`);
}

class FileUpload implements Upload {
  private bytes = 0;
  private unflushed = 0;

  constructor(
    private readonly parts: UploadParts,
    private readonly file: Received,
  ) {}

  async write(chunk: Uint8Array): Promise<void> {
    const { disk } = this.parts;
    if (this.unflushed >= FLUSH_EVERY_BYTES) {
      await disk.flush(this.file.fd);
      this.unflushed = 0;
    }
    await disk.write(this.file.fd, chunk, this.bytes);
    this.bytes += chunk.length;
    this.unflushed += chunk.length;
  }

  commit(row: IndexRow): Promise<Committed> {
    return this.parts.commit(this.file, row);
  }

  async discard(): Promise<void> {
    const { disk, log } = this.parts;
    const { temp, fd } = this.file;
    failpoint("receiver.before-unlink");
    // What is left of an attempt is swept at the next start; the answer is decided without it.
    await Promise.all([disk.close(fd), disk.remove(temp)]).catch((error: unknown) => {
      log.error(`cannot remove ${temp}: ${quoted(errorText(error))}`);
    });
    failpoint("receiver.after-unlink");
  }
}

/**
 * Removes what a crash left of uploads, but for those that outlive their request. Nothing else may be at work on them.
 * @returns how many were removed
 */
export async function sweepUploads(
  incoming: string,
  outlives: (record: UploadRecord) => boolean = () => false,
): Promise<number> {
  let count = 0;
  for await (const entry of entries(incoming)) {
    if (!entry.isFile() || !entry.name.endsWith(SUFFIX) || outlives({ name: entry.name })) continue;
    await rm(join(incoming, entry.name), { force: true });
    count++;
  }
  return count;
}
