// When each host was last seen in index.jsonl, without reading ten million rows every five minutes: onward from where the last run
// stopped, or, on a first run over a large index, backwards until what comes cannot matter.

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { type Received, readLine } from "./index-lines.ts";
import { linesBackwards, linesForwards, restOf } from "./lines.ts";

/** Files up to here are read whole on a first run. */
const WHOLE_BYTES = 64 * 1024 ** 2;
/** So many bytes of rows that are all too old, in a row, and a first run reads no further back. */
const OLD_BYTES = 16 * 1024 ** 2;
/** By which the files before a checkpoint are known again. */
const PROOF_BYTES = 4096;
const HOUR_US = 3_600_000_000;
/** A row of a later time than this from now was written before the clock was set back. */
const AHEAD_US = 120_000_000;

/** How far the index was read, and how to tell that it is still the same one. */
export interface Checkpoint {
  device: number;
  inode: number;
  /** Bytes that were read: whole lines. */
  offset: number;
  /** SHA-256 of the first 4 KiB, or of all there was, and of the 4 KiB before the offset. */
  head: string;
  before: string;
}

export interface Seen {
  /** Newest row of all, of equal instants the one that stands first: what the Python fleet's check goes by. */
  any: Mark;
  /** Newest row that was not put there again from an archive; null: it has none. */
  own: Mark | null;
}

interface Mark {
  text: string;
  micros: number;
}

/** By host, in the order in which they were met. */
export type LastSeen = Map<string, Seen>;

export interface IndexReading {
  seen: LastSeen;
  /** The same without what stands behind the last whole line: that may become another one. For the next run. */
  whole: LastSeen;
  checkpoint: Checkpoint;
  /** Whole lines that are rows, and that are none. */
  rows: number;
  bad: number;
  /** `onward`: from the checkpoint; `whole`; `back`: only as far back as matters. */
  how: "onward" | "whole" | "back";
  /** Hosts that the run before knew, with a row that this one should have met, and has not: another file stands there. */
  lost: string[];
}

export interface IndexParts {
  path: string;
  /** Of the run before; null: there was none. */
  before: { checkpoint: Checkpoint; seen: LastSeen } | null;
  /** Rows older than this do not matter, microseconds since 1970. */
  cutoffMicros: number;
  nowMicros: number;
  limits?: { wholeBytes: number; oldBytes: number };
}

/** Reads it. Rejects as the system does where the file cannot be read. */
export async function readIndex(parts: IndexParts): Promise<IndexReading> {
  const { path, before, limits = { wholeBytes: WHOLE_BYTES, oldBytes: OLD_BYTES } } = parts;
  // Never waits for a pipe.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stats = await file.stat();
  const { size, dev, ino } = stats;
  if (!stats.isFile() && !stats.isDirectory())
    throw Object.assign(new Error("EINVAL: no regular file"), { code: "EINVAL" });
  const isSame =
    before !== null &&
    before.checkpoint.device === dev &&
    before.checkpoint.inode === ino &&
    size >= before.checkpoint.offset;
  const reading = new Reading(parts.nowMicros + AHEAD_US);
  let how: IndexReading["how"];
  let end: number;
  if (isSame && (await proves(file, before.checkpoint))) {
    how = "onward";
    reading.goOn(before.seen);
    end = await reading.forwards(file, before.checkpoint.offset, size);
  } else if (size <= limits.wholeBytes) {
    how = "whole";
    end = await reading.forwards(file, 0, size);
  } else {
    const isEnough = await reading.backwards(file, size, parts.cutoffMicros - HOUR_US, limits.oldBytes);
    how = isEnough ? "back" : "whole";
    end = reading.end;
    reading.seen = new Map([...reading.seen].reverse());
  }
  const whole = reading.copy();
  reading.rest(await restOf(file, end, size));
  const { seen, rows, bad } = reading;
  const lost = how === "onward" || before === null ? [] : lostHosts(before.seen, seen, how, parts.cutoffMicros);
  return {
    ...{ seen, whole },
    rows,
    bad,
    how,
    lost,
    checkpoint: { device: dev, inode: ino, offset: end, ...(await proofOf(file, end)) },
  };
}

function lostHosts(before: LastSeen, seen: LastSeen, how: "whole" | "back", cutoffMicros: number): string[] {
  const had = [...before].filter(([, { any }]) => how === "whole" || any.micros >= cutoffMicros);
  return had.map(([host]) => host).filter((host) => !seen.has(host));
}

async function proves(file: FileHandle, { offset, head, before }: Checkpoint): Promise<boolean> {
  const proof = await proofOf(file, offset);
  return proof.head === head && proof.before === before;
}

async function proofOf(file: FileHandle, offset: number): Promise<Pick<Checkpoint, "head" | "before">> {
  const length = Math.min(offset, PROOF_BYTES);
  return { head: await hashOf(file, 0, length), before: await hashOf(file, offset - length, length) };
}

async function hashOf(file: FileHandle, from: number, length: number): Promise<string> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, from);
  return createHash("sha256").update(bytes.subarray(0, bytesRead)).digest("hex");
}

function copyOf(seen: LastSeen): LastSeen {
  return new Map([...seen].map(([host, { any, own }]) => [host, { any, own }]));
}

/** What one reading finds. */
class Reading {
  seen: LastSeen = new Map();
  rows = 0;
  bad = 0;
  /** Behind the last whole line. */
  end = 0;

  /** Hosts whose rows before those that were read do not count. */
  private readonly ended = new Set<string>();

  /** @param latestMicros later times have yet to come */
  constructor(private readonly latestMicros: number) {}

  goOn(seen: LastSeen): void {
    this.seen = copyOf(seen);
  }

  copy(): LastSeen {
    return copyOf(this.seen);
  }

  /** @returns where the last whole line ends */
  async forwards(file: FileHandle, from: number, to: number): Promise<number> {
    this.end = from;
    for await (const lines of linesForwards(file, from, to)) {
      for (const { text, end } of lines) {
        this.end = end;
        const row = this.count(text);
        if (row !== null) this.take(row, false);
      }
    }
    return this.end;
  }

  /**
   * Reads back from the end until `oldBytes` of rows in a row are too old, each of them one that tells the time.
   * @returns whether it stopped before the beginning
   */
  async backwards(file: FileHandle, size: number, oldMicros: number, oldBytes: number): Promise<boolean> {
    let old = 0;
    this.end = 0;
    for await (const lines of linesBackwards(file, size)) {
      for (const { text, bytes, end } of lines) {
        if (this.end === 0) this.end = end;
        const row = this.count(text);
        if (row !== null) this.take(row, true);
        // A row that was put there anew, or under a clock that was ahead, says nothing of those before it.
        const isOld = row !== null && !row.isRecovered && row.micros < oldMicros;
        old = isOld ? old + bytes : 0;
        if (old >= oldBytes) return true;
      }
    }
    return false;
  }

  /**
   * Takes what stands behind the last whole line, where it is a row as it stands: Python counts that, too. It is read once more when it
   * has an end, which changes nothing, and until then it is counted neither among the rows nor among the others.
   */
  rest(text: string | null): void {
    const row = text === null ? null : readLine(text);
    if (row !== null) this.take(row, false);
  }

  private count(text: string | null): Received | null {
    if (text === "") return null;
    const row = text === null ? null : readLine(text);
    if (row === null) this.bad += 1;
    else this.rows += 1;
    return row;
  }

  /** What stands before a row of a time that has yet to come is older than what stands behind it, whatever its time. */
  private winsOwn(host: string, micros: number, known: Mark, isEarlier: boolean): boolean {
    if (!isEarlier) return micros > known.micros || known.micros > this.latestMicros;
    if (known.micros > this.latestMicros || micros > this.latestMicros) this.ended.add(host);
    return !this.ended.has(host) && micros >= known.micros;
  }

  /** @param isEarlier it stands before all that were taken: of equal instants it is the one that stays */
  private take({ host, text, micros, isRecovered }: Received, isEarlier: boolean): void {
    const known = this.seen.get(host);
    if (known === undefined) {
      const mark = { text, micros };
      this.seen.set(host, { any: mark, own: isRecovered ? null : mark });
      return;
    }
    if (micros > known.any.micros || (isEarlier && micros === known.any.micros)) known.any = { text, micros };
    if (!isRecovered && (known.own === null || this.winsOwn(host, micros, known.own, isEarlier)))
      known.own = { text, micros };
  }
}
