// Is an archive what its row says? Only reading tells: a size says nothing of the bytes, nor whether this user may read them at all.
// A host removes its own copy on the strength of it. Few are read at a time, each once for all who ask, and it goes on when
// nobody waits any more.

import { type BigIntStats, constants, fstat } from "node:fs";
import { promisify } from "node:util";
import { errorCode } from "../../../core/failure.ts";
import type { Work } from "../../../runtime/progress.ts";
import type { Archive } from "../../episode-store.ts";
import { closeFile, hashOpen, openFile, readAt } from "../files/disk.ts";
import { Misplaced } from "../files/misplaced.ts";
import { ReadingTurns } from "./reading-turns.ts";
import { fileKey, type Reading, Readings } from "./readings.ts";

/** A question waits so long for the reading, milliseconds. */
const WAIT_MS = 20_000;

const statOpen = promisify(fstat) as (fd: number, options: { bigint: true }) => Promise<BigIntStats>;

export interface ReaderParts {
  /** Registers work that must move. */
  begin: (name: string) => Work;
  /** Milliseconds that never jump. */
  monotonicMs: () => number;
  waitMs?: number;
}

/** `later`: the reading goes on, and the next question finds what it came to; `stopping`: it was broken off. */
export type Answer = { kind: "read"; sha256: string } | { kind: "later" } | { kind: "stopping" };

class BrokenOff extends Error {}

export class ArchiveReader {
  private readonly readings = new Readings();
  private readonly turns = new ReadingTurns();
  /** Those that are waiting or under way, by path. */
  private readonly underWay = new Map<string, Promise<void>>();
  private isClosed = false;

  constructor(private readonly parts: ReaderParts) {}

  /** Makes sure that it is a file that this process may read. @throws the disk's error, and Misplaced */
  async tryOpen(path: string): Promise<void> {
    await withOpen(path, async () => undefined);
  }

  /**
   * The digest of an archive as it is now.
   * @param name what the reading is called where one looks for what stands still
   * @throws the disk's error, and Misplaced
   */
  async digest(path: string, name: string): Promise<Answer> {
    const known = await this.known(path);
    if ("read" in known) return known.read;
    if (this.isClosed) return { kind: "stopping" };
    const reading = this.underWay.get(path) ?? this.start(path, name, known.bytes);
    if (reading === null || !(await isOverWithin(reading, this.parts.waitMs ?? WAIT_MS))) return { kind: "later" };
    const now = await this.known(path);
    if ("read" in now) return now.read;
    // It was changed while it was read, or another one has its name.
    return { kind: this.isClosed ? "stopping" : "later" };
  }

  /** Breaks off what is being read, and reads no more. */
  close(): void {
    this.isClosed = true;
  }

  private async known(path: string): Promise<{ read: Answer } | { bytes: number }> {
    const facts = await withOpen(path, async (_, facts) => facts);
    const reading = this.readings.of(path, fileKey(facts), this.parts.monotonicMs());
    if (reading === null) return { bytes: Number(facts.size) };
    if ("error" in reading) throw reading.error;
    return { read: { kind: "read", sha256: reading.sha256 } };
  }

  private start(path: string, name: string, bytes: number): Promise<void> | null {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // A bug is met by whoever waits for it, if anybody does.
    promise.catch(() => undefined);
    const end = (): void => void this.underWay.delete(path);
    if (!this.turns.add(bytes, () => this.read(path, name).finally(end).then(resolve, reject))) return null;
    this.underWay.set(path, promise);
    return promise;
  }

  private async read(path: string, name: string): Promise<void> {
    if (this.isClosed) return;
    const work = this.parts.begin(name);
    const moved = (): void => {
      if (this.isClosed) throw new BrokenOff();
      work.moved();
    };
    try {
      await withOpen(path, async (fd, before) => {
        const key = fileKey(before);
        const reading = await outcome(() => hashOpen(fd, moved));
        if (reading === null || fileKey(await statOpen(fd, { bigint: true })) !== key) return;
        this.readings.add(path, key, reading, this.parts.monotonicMs());
      });
    } catch (error) {
      // It cannot be opened, or has gone: whoever asks finds that himself.
      if (errorCode(error) === null) throw error;
    } finally {
      work.done();
    }
  }
}

/** What a reading came to; null: it was broken off. */
async function outcome(hash: () => Promise<{ sha256: string }>): Promise<Reading | null> {
  try {
    return { sha256: (await hash()).sha256 };
  } catch (error) {
    if (error instanceof BrokenOff) return null;
    if (errorCode(error) === null || !(error instanceof Error)) throw error;
    return { error };
  }
}

/** Follows no link, and waits for no pipe. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens an archive to be sent. @throws the disk's error */
export async function openArchive(path: string): Promise<Archive> {
  // A number and no FileHandle: one of those that is forgotten ends the process when it is collected.
  const fd = await openFile(path, FLAGS);
  return { read: (from, max) => readAt(fd, from, max), close: () => closeFile(fd) };
}

async function withOpen<T>(path: string, work: (fd: number, facts: BigIntStats) => Promise<T>): Promise<T> {
  const fd = await openFile(path, FLAGS);
  try {
    const facts = await statOpen(fd, { bigint: true });
    if (!facts.isFile()) throw new Misplaced(`${path} is no file and no archive`);
    return await work(fd, facts);
  } finally {
    await closeFile(fd);
  }
}

async function isOverWithin(work: Promise<void>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(late.resolve, ms, false);
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
