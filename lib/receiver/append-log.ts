// A file of lines to which many append at once: one write and one flush for all that wait (group commit). A line is
// in the file and on the disk when its promise resolves, or not in the file at all.

import { close, constants, fdatasync, fstat, ftruncate, open, write } from "node:fs";
import { promisify } from "node:util";
import { failpoint } from "../os/failpoint.ts";
import { createGroupCommit } from "./group-commit.ts";

const fs = {
  close: promisify(close),
  fdatasync: promisify(fdatasync),
  fstat: promisify(fstat),
  ftruncate: promisify(ftruncate),
  open: promisify(open),
  write: promisify(write),
};

export interface AppendLog {
  readonly fd: number;
  /** Bytes of whole, flushed lines. */
  readonly size: number;
  /**
   * Appends one line, without its line break.
   * @returns its byte offset, when it is on the disk
   * @throws the disk's error; the line is then not in the file
   */
  append(line: string): Promise<number>;
  /** Cuts the file to nothing. Nobody may be appending. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

interface Waiting {
  bytes: Buffer;
  done(offset: number): void;
  fail(error: unknown): void;
}

/**
 * Opens a file of lines for appending, making it if there is none.
 * @param name prefix of its fail points: `<name>-append`, `<name>-fsync`
 */
export async function openAppendLog(path: string, name: string): Promise<AppendLog> {
  const fd = await fs.open(path, constants.O_RDWR | constants.O_CREAT, 0o640);
  let size = (await fs.fstat(fd)).size;
  /** Bytes of a failed write may stand behind `size`. */
  let dirty = false;
  let waiting: Waiting[] = [];

  const cutDirt = async (): Promise<void> => {
    if (!dirty) return;
    await fs.ftruncate(fd, size);
    dirty = false;
  };
  const writeGroup = async (group: Waiting[]): Promise<void> => {
    await cutDirt();
    dirty = true;
    const bytes =
      group.length === 1 && group[0] !== undefined ? group[0].bytes : Buffer.concat(group.map((w) => w.bytes));
    failpoint(`receiver.before-${name}-append`);
    for (let at = 0; at < bytes.length; ) {
      at += (await fs.write(fd, bytes, at, bytes.length - at, size + at)).bytesWritten;
    }
    failpoint(`receiver.before-${name}-fsync`);
    await fs.fdatasync(fd);
    failpoint(`receiver.after-${name}-fsync`);
    dirty = false;
  };
  const flush = createGroupCommit(async () => {
    const group = waiting;
    waiting = [];
    try {
      await writeGroup(group);
    } catch (error) {
      // A line that was refused must not come back after a crash: cut now, or else before the next append.
      await cutDirt().catch(() => undefined);
      for (const line of group) line.fail(error);
      return;
    }
    for (const line of group) {
      line.done(size);
      size += line.bytes.length;
    }
  });
  return {
    fd,
    get size() {
      return size;
    },
    append: (line) =>
      new Promise((done, fail) => {
        waiting.push({ bytes: Buffer.from(`${line}\n`), done, fail });
        void flush();
      }),
    async clear() {
      await fs.ftruncate(fd, 0);
      size = 0;
      dirty = false;
    },
    close: () => fs.close(fd),
  };
}
