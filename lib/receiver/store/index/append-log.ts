// A file of lines to which many append at once: one write and one flush for all that wait (group commit). A line is
// in the file and on the disk when its promise resolves, or not in the file at all.

import { close, constants, fdatasync, fstatSync, ftruncate, write } from "node:fs";
import { promisify } from "node:util";
import { failpoint } from "../../../os/failpoint.ts";
import { openOrMake } from "../../../os/files/owner.ts";
import { createBatch } from "../../disk/batch.ts";
import { type Change, changedError, changeOf } from "./changed-files.ts";

const fs = {
  close: promisify(close),
  fdatasync: promisify(fdatasync),
  ftruncate: promisify(ftruncate),
  write: promisify(write),
};

/**
 * Opens a file of lines for appending, making it if there is none.
 * @param name part of its fail points: `before-<name>-append`, `before-<name>-fsync`, `after-<name>-fsync`
 */
export async function openAppendLog(path: string, name: string): Promise<AppendLog> {
  const fd = openOrMake(path, constants.O_RDWR, 0o640);
  const { size, mtimeNs } = fstatSync(fd, { bigint: true });
  return new AppendLog(path, fd, Number(size), mtimeNs, name);
}

export class AppendLog {
  /** Bytes of a failed write, or of one that is under way, may stand behind `end`. */
  private dirty = false;
  private change: Change | null = null;
  private readonly add = createBatch((group: readonly Buffer[]) => this.writeGroup(group));

  constructor(
    readonly path: string,
    readonly fd: number,
    private end: number,
    private mtimeNs: bigint,
    private readonly name: string,
  ) {}

  /** Bytes of whole, flushed lines. */
  get size(): number {
    return this.end;
  }

  /** What another program did to the file; null: nothing. What was changed once stays so: what is known of it is of no use. */
  changed(): Change | null {
    const found = changeOf(this.fd, this.path, this.dirty ? null : { bytes: this.end, mtimeNs: this.mtimeNs });
    // It may come back, and its descriptor is the same file all the time.
    if (found === "moved away") return this.change ?? found;
    this.change ??= found;
    return this.change;
  }

  /** @throws ESTALE where another program changed the file */
  needOurs(): void {
    const change = this.changed();
    if (change !== null && change !== "moved away") throw changedError(this.path, change);
  }

  /**
   * Appends one line, given without its line break.
   * @returns its byte offset, when it is on the disk
   * @throws the disk's error; the line is then not in the file
   */
  append(line: string): Promise<number> {
    return this.add(Buffer.from(`${line}\n`));
  }

  /** Cuts the file to nothing. Nobody may be appending. */
  async clear(): Promise<void> {
    this.dirty = true;
    await fs.ftruncate(this.fd, 0);
    this.mtimeNs = mtimeOf(this.fd);
    this.end = 0;
    this.dirty = false;
  }

  close(): Promise<void> {
    return fs.close(this.fd);
  }

  /** @returns where each line of the group begins */
  private async writeGroup(group: readonly Buffer[]): Promise<(at: number) => number> {
    try {
      await this.write(Buffer.concat(group));
    } catch (error) {
      // A line that was refused must not come back after a crash: cut now, or else before the next append.
      await this.cutDirt().catch(() => undefined);
      throw error;
    }
    const offsets = group.map(({ length }) => {
      const offset = this.end;
      this.end += length;
      return offset;
    });
    this.dirty = false;
    return (at) => offsets[at] ?? 0;
  }

  private async write(bytes: Buffer): Promise<void> {
    await this.cutDirt();
    this.needOurs();
    this.dirty = true;
    failpoint(`receiver.before-${this.name}-append`);
    for (let at = 0; at < bytes.length; ) {
      at += (await fs.write(this.fd, bytes, at, bytes.length - at, this.end + at)).bytesWritten;
    }
    failpoint(`receiver.before-${this.name}-fsync`);
    await fs.fdatasync(this.fd);
    this.mtimeNs = mtimeOf(this.fd);
    failpoint(`receiver.after-${this.name}-fsync`);
  }

  private async cutDirt(): Promise<void> {
    if (!this.dirty) return;
    await fs.ftruncate(this.fd, this.end);
    this.mtimeNs = mtimeOf(this.fd);
    this.dirty = false;
  }
}

function mtimeOf(fd: number): bigint {
  return fstatSync(fd, { bigint: true }).mtimeNs;
}
