// index.jsonl: which episodes are stored. The file is the only truth; the table over it is rebuilt at every start.

import { close, constants, fdatasync, fsync, ftruncate, read, write } from "node:fs";
import { promisify } from "node:util";
import {
  addressOfLine,
  findNames,
  formatRow,
  type IndexRow,
  isCorrection,
  type NamePlaces,
  parseRow,
} from "../../../contract/index-row.ts";
import type { EpisodeAddress } from "../../../contract/names.ts";
import { openOrMake } from "../../../os/files/owner.ts";
import { type AppendLog, openAppendLog } from "./append-log.ts";
import { IndexTable } from "./index-table.ts";

const fs = {
  close: promisify(close),
  fdatasync: promisify(fdatasync),
  ftruncate: promisify(ftruncate),
  fsync: promisify(fsync),
  read: promisify(read),
  write: promisify(write),
};

const NEWLINE = 0x0a;
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Read at first: rows are some 400 bytes. One of another program may be longer, and what is not found is added again. */
const ROW_BYTES = 4096;

export interface EpisodeIndex {
  readonly table: IndexTable;
  /** The newest row of an episode, or null. @throws ESTALE where another program took rows away */
  find(address: EpisodeAddress): Promise<IndexRow | null>;
  /** The row at a byte offset, or null when none stands there. */
  rowAt(offset: number): Promise<IndexRow | null>;
  /** Adds a row; it is on the disk when this resolves. */
  append(row: IndexRow): Promise<void>;
  /** The file it is in. */
  readonly log: AppendLog;
  close(): Promise<void>;
}

export interface OpenedIndex {
  index: EpisodeIndex;
  /** Bytes of a torn last line that were cut off. */
  tornBytes: number;
  /** Lines that are no rows. */
  badLines: number;
}

/**
 * Opens an index, making it if there is none. A torn last line is moved to `tornPath`; what is left is flushed, so that
 * a row that is seen is also on the disk.
 */
export async function openIndex(path: string, tornPath: string, seed: number): Promise<OpenedIndex> {
  const table = new IndexTable(seed);
  const fd = openOrMake(path, constants.O_RDWR, 0o640);
  let badLines = 0;
  let tornBytes = 0;
  try {
    const places: NamePlaces = { hostAt: 0, hostEnd: 0, idAt: 0, idEnd: 0 };
    const tail = await scanLines(fd, (bytes, start, end, offset) => {
      if (findNames(bytes, start, end, places)) return table.insertBytes(bytes, places, offset);
      const address = addressOfLine(bytes, start, end);
      if (address === null) badLines++;
      else if (isCorrection(bytes, start, end)) table.replace(address, offset);
      else table.insert(address, offset);
    });
    const kept = await mendTail(fd, tail, tornPath);
    if (kept !== null) enter(table, kept, tail.offset);
    else tornBytes = tail.bytes.length;
    await fs.fdatasync(fd);
  } finally {
    await fs.close(fd);
  }
  return { index: overLog(table, await openAppendLog(path, "index")), tornBytes, badLines };
}

export interface Tail {
  /** What follows the last line break. */
  bytes: Buffer;
  offset: number;
  /** Lines before it, empty ones too. */
  lines: number;
}

/**
 * Calls `onLine` for each whole line of a file from byte `from` on that is not empty, without its line break and with its number
 * from there on, and waits for it if it asks for that. `bytes` is used again after the call.
 * @returns what follows the last line break
 */
export async function scanLines(
  fd: number,
  onLine: (bytes: Buffer, start: number, end: number, offset: number, number: number) => void | Promise<void>,
  from = 0,
): Promise<Tail> {
  let buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let held = 0;
  let offset = from;
  let lines = 0;
  for (;;) {
    if (held === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
    const { bytesRead } = await fs.read(fd, buffer, held, buffer.length - held, offset + held);
    if (bytesRead === 0) return { bytes: Buffer.from(buffer.subarray(0, held)), offset, lines };
    held += bytesRead;
    let start = 0;
    for (;;) {
      const end = buffer.indexOf(NEWLINE, start);
      // Beyond `held` there are bytes of an earlier block.
      if (end < 0 || end >= held) break;
      lines++;
      // Awaited only where there is something to wait for: a million times is a second.
      const waiting = end > start ? onLine(buffer, start, end, offset + start, lines) : undefined;
      if (waiting !== undefined) await waiting;
      start = end + 1;
    }
    buffer.copyWithin(0, start, held);
    held -= start;
    offset += start;
  }
}

/** Notes where a row stands; one that corrects another takes its place. */
function enter(table: IndexTable, row: IndexRow, offset: number): void {
  const address = { host: row.host_id, id: row.episode_id };
  if (row.corrects === undefined) table.insert(address, offset);
  else table.replace(address, offset);
}

/** Ends a whole last row with its line break; moves a torn one aside. Returns a row that was kept. */
async function mendTail(fd: number, tail: Tail, tornPath: string): Promise<IndexRow | null> {
  if (tail.bytes.length === 0) return null;
  const row = parseRow(tail.bytes.toString("utf8"));
  if (row !== null) {
    await fs.write(fd, Buffer.from("\n"), 0, 1, tail.offset + tail.bytes.length);
    return row;
  }
  const torn = openOrMake(tornPath, constants.O_WRONLY | constants.O_APPEND, 0o640);
  try {
    await fs.write(torn, Buffer.concat([tail.bytes, Buffer.from("\n")]));
    await fs.fsync(torn);
  } finally {
    await fs.close(torn);
  }
  await fs.ftruncate(fd, tail.offset);
  return null;
}

function overLog(table: IndexTable, log: AppendLog): EpisodeIndex {
  const rowAt = async (offset: number): Promise<IndexRow | null> => {
    for (let size = ROW_BYTES; ; size *= 4) {
      const buffer = Buffer.allocUnsafe(size);
      const { bytesRead } = await fs.read(log.fd, buffer, 0, size, offset);
      const end = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
      if (end >= 0) return parseRow(buffer.toString("utf8", 0, end));
      if (bytesRead < size) return null;
    }
  };
  return {
    table,
    log,
    rowAt,
    async find(address) {
      for (const offset of table.candidates(address)) {
        const row = await rowAt(offset);
        if (row !== null && row.host_id === address.host && row.episode_id === address.id) return row;
        log.needOurs();
      }
      return null;
    },
    async append(row) {
      const offset = await log.append(formatRow(row));
      enter(table, row, offset);
    },
    close: () => log.close(),
  };
}
