// Who has which token: the hashes of all token files, in memory, so that to refuse a token costs the same with ten hosts and
// with ten thousand. A host's own file is looked at with each request of its name (one stat(2)), so that a token is valid, or
// is not, from the moment its file says so. That it is another host's only words a refusal: this is known from a look
// through the directory once a second, in slices, beside the requests.

import { createHmac, randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isName } from "../../contract/names.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import type { Watched } from "./watched-file.ts";

const LOOK_EVERY_MS = 1000;
/** Files that are read, or looked at, before requests have their turn again. */
const SLICE = 64;
/** Known files that one look visits: one that was edited in place leaves its directory's time alone. */
const VISITED = 4 * SLICE;
/** A directory that changed so lately may change again within the same tick of the file system's clock, milliseconds. */
const UNSETTLED_MS = 2000;
/** Two tokens and their comments have a few hundred bytes. */
const FILE_BYTES = 64 * 1024;

/** A host's token file, read: hashes of its tokens. */
export type TokenFile = Watched<Buffer[]>;

export interface TokenTable {
  /** The file of a host as it is now. */
  own(host: string): TokenFile;
  /** Whether a host is known to have a token file. Nothing is asked of the disk. */
  has(host: string): boolean;
  /** The hosts that have a token, or a file of which nobody can tell. Nothing is asked of the disk. */
  hosts(): string[];
  /** The hosts whose tokens were all revoked: their file is there, and holds none. Nothing is asked of the disk. */
  revoked(): string[];
  /** Whether any file that is known holds this hash. Costs the same for any hash and any number of files. */
  holds(hash: Buffer): boolean;
  /** Looks through the directory for what has changed; one look at a time. Never rejects. */
  look(): Promise<void>;
  close(): void;
}

interface Entry {
  /** What stat(2) said when it was read. */
  stamp: string;
  file: TokenFile;
  /** The look that saw its name last. */
  seen: number;
}

/**
 * Opens a directory of token files, which may come and go.
 * @param parse reads a file's text; throws with a sentence
 */
export function openTokenTable(
  tokensDir: string,
  parse: (text: string) => Buffer[],
  lookEveryMs = LOOK_EVERY_MS,
): TokenTable {
  return new Table(tokensDir, parse, lookEveryMs);
}

function isRevoked({ file }: Entry): boolean {
  return file.kind === "read" && file.value.length === 0;
}

class Table implements TokenTable {
  private readonly entries = new Map<string, Entry>();
  /** How many files hold a hash, by `keyOf`. */
  private readonly holders = new Map<string, number>();
  /** Drawn at start: what time a search takes then tells nothing about hashes that somebody could aim at. */
  private readonly secret = randomBytes(32);
  private readonly timer: ReturnType<typeof setInterval>;
  private looking: Promise<void> | null = null;
  private dirStamp = "";
  private looks = 0;
  /** Files that are still to be looked at in this round. */
  private visits: string[] = [];

  constructor(
    private readonly dir: string,
    private readonly parse: (text: string) => Buffer[],
    lookEveryMs: number,
  ) {
    this.timer = setInterval(() => void this.look(), lookEveryMs);
    this.timer.unref();
  }

  own(host: string): TokenFile {
    let stats: Stats;
    try {
      stats = statSync(join(this.dir, host));
    } catch (error) {
      // Nothing is kept of names that have no file: they come from the wire.
      this.set(host, null);
      return errorCode(error) === "ENOENT" ? { kind: "absent" } : { kind: "unreadable", why: briefly(error) };
    }
    const { mtimeMs, ctimeMs, size, ino } = stats;
    // ctime too: chmod and chown mend what could not be read, and leave mtime alone.
    const stamp = `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
    const known = this.entries.get(host);
    if (known?.stamp === stamp && known.file.kind === "read") return known.file;
    const file = this.read(host);
    this.set(host, file.kind === "absent" ? null : { stamp, file, seen: this.looks });
    return file;
  }

  has(host: string): boolean {
    return this.entries.has(host);
  }

  hosts(): string[] {
    return [...this.entries].filter(([, entry]) => !isRevoked(entry)).map(([host]) => host);
  }

  revoked(): string[] {
    return [...this.entries].filter(([, entry]) => isRevoked(entry)).map(([host]) => host);
  }

  holds(hash: Buffer): boolean {
    return this.holders.has(this.keyOf(hash));
  }

  look(): Promise<void> {
    this.looking ??= this.lookThrough()
      .catch(() => {
        this.dirStamp = ""; // the next look lists it again
      })
      .finally(() => {
        this.looking = null;
      });
    return this.looking;
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async lookThrough(): Promise<void> {
    const names = await this.changedNames();
    if (names !== null) await this.list(names);
    if (this.visits.length === 0) this.visits = [...this.entries.keys()];
    await inSlices(this.visits.splice(-VISITED), (name) => this.entries.has(name) && this.own(name));
  }

  /** The names in the directory, or null when they are as they were. */
  private async changedNames(): Promise<string[] | null> {
    try {
      const { mtimeMs, ctimeMs, ino } = statSync(this.dir);
      const stamp = `${mtimeMs} ${ctimeMs} ${ino}`;
      if (stamp === this.dirStamp && Math.abs(Date.now() - mtimeMs) > UNSETTLED_MS) return null;
      const names = await readdir(this.dir);
      this.dirStamp = stamp;
      return names.filter(isName);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    }
  }

  /** New files are read, those that are gone are forgotten. */
  private async list(names: readonly string[]): Promise<void> {
    const look = ++this.looks;
    await inSlices(names, (name) => {
      const entry = this.entries.get(name);
      if (entry === undefined) this.own(name);
      else entry.seen = look;
    });
    const unseen = [...this.entries].filter(([, { seen }]) => seen < look);
    await inSlices(unseen, ([name]) => this.own(name));
  }

  private set(host: string, entry: Entry | null): void {
    const before = this.entries.get(host);
    for (const hash of hashesOf(before)) this.count(hash, -1);
    for (const hash of hashesOf(entry)) this.count(hash, 1);
    if (entry === null) this.entries.delete(host);
    else this.entries.set(host, entry);
  }

  private count(hash: Buffer, by: 1 | -1): void {
    const key = this.keyOf(hash);
    const files = (this.holders.get(key) ?? 0) + by;
    if (files > 0) this.holders.set(key, files);
    else this.holders.delete(key);
  }

  private keyOf(hash: Buffer): string {
    return createHmac("sha256", this.secret).update(hash).digest("latin1");
  }

  private read(host: string): TokenFile {
    let fd: number | null = null;
    try {
      // A pipe of that name must not hold up all requests.
      fd = openSync(join(this.dir, host), constants.O_RDONLY | constants.O_NONBLOCK);
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw new Error("it is no regular file");
      if (stats.size > FILE_BYTES) throw new Error(`it has more than ${FILE_BYTES} bytes`);
      return { kind: "read", value: this.parse(readFileSync(fd, "utf8")) };
    } catch (error) {
      return errorCode(error) === "ENOENT" ? { kind: "absent" } : { kind: "unreadable", why: briefly(error) };
    } finally {
      if (fd !== null) closeSync(fd);
    }
  }
}

function hashesOf(entry: Entry | null | undefined): readonly Buffer[] {
  return entry?.file.kind === "read" ? entry.file.value : [];
}

/** `EACCES: permission denied`, without the call and the path: the same for all files. */
function briefly(error: unknown): string {
  return errorCode(error) === null ? errorText(error) : (errorText(error).split(",", 1)[0] ?? "");
}

/** Does what is due for each item, and lets requests have their turn in between. */
async function inSlices<T>(items: readonly T[], work: (item: T) => unknown): Promise<void> {
  for (const [i, item] of items.entries()) {
    work(item);
    if (i % SLICE === SLICE - 1) await new Promise((resolve) => setImmediate(resolve));
  }
}
