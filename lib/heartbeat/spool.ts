// Heartbeats that could not be sent, one file each, bounded: they outlive restarts, and a disk that is full. Which ones go
// is decided in decide.ts. Also keeps the sequence number.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode, errorText } from "../core/failure.ts";
import { toDrop } from "./decide.ts";

interface Spooled {
  sequence: number;
  /** Nothing new in it: the first to go. */
  plain: boolean;
  /** Its file; null: it could not be written, and waits in memory. */
  path: string | null;
  text: string | null;
}

/** Heartbeats that wait in memory while the disk takes none. */
const IN_MEMORY = 60;

const NAME = /^(\d{12})\.(plain|change)\.json$/;

export class Spool {
  readonly directory: string;
  private readonly sequenceFile: string;
  private entries: Spooled[];
  private last: number;
  /** Why the disk takes nothing, or null. */
  failure: string | null = null;
  /** How many had to go since the start. */
  dropped = 0;

  /** Opens the spool of earlier runs; the directory is made if it is not there. Throws what the file system does. */
  constructor(
    stateDir: string,
    private readonly max: number,
  ) {
    this.directory = join(stateDir, "spool");
    this.sequenceFile = join(stateDir, "sequence");
    mkdirSync(this.directory, { recursive: true, mode: 0o750 });
    this.entries = readdirSync(this.directory)
      .flatMap((name) => {
        const [, digits, kind] = NAME.exec(name) ?? [];
        if (digits === undefined) return [];
        return [{ sequence: Number(digits), plain: kind === "plain", path: join(this.directory, name), text: null }];
      })
      .sort((a, b) => a.sequence - b.sequence);
    this.last = Math.max(readNumber(this.sequenceFile), ...this.entries.map(({ sequence }) => sequence));
  }

  get size(): number {
    return this.entries.length;
  }

  /** The next sequence number. After a power cut a few may come twice: the receiver tells them apart by boot. */
  nextSequence(): number {
    this.last++;
    try {
      replaceFile(this.sequenceFile, `${this.last}\n`);
      this.failure = null;
    } catch (error) {
      this.failure = errorText(error);
    }
    return this.last;
  }

  /** Keeps a heartbeat to be sent later; what is too much goes. */
  keep(sequence: number, plain: boolean, text: string): void {
    const name = `${String(sequence).padStart(12, "0")}.${plain ? "plain" : "change"}.json`;
    const path = join(this.directory, name);
    try {
      replaceFile(path, text);
      this.entries.push({ sequence, plain, path, text: null });
      this.failure = null;
    } catch (error) {
      this.failure = errorText(error);
      this.entries.push({ sequence, plain, path: null, text });
    }
    this.drop(toDrop(this.entries, this.max));
    const held = this.entries.filter(({ path: file }) => file === null);
    this.drop(toDrop(held, IN_MEMORY));
  }

  /** The oldest one that waits, with its text; null when none does. One that cannot be read any more is dropped. */
  oldest(): { sequence: number; text: string } | null {
    for (let entry = this.entries[0]; entry !== undefined; entry = this.entries[0]) {
      try {
        const text = entry.text ?? readFileSync(entry.path ?? "", "utf8");
        JSON.parse(text);
        return { sequence: entry.sequence, text };
      } catch {
        // Torn by a power cut, or removed by a person: nothing can be sent of it.
        this.drop([entry.sequence]);
      }
    }
    return null;
  }

  /** It has arrived, or is refused for good. */
  done(sequence: number): void {
    const entry = this.entries.find((candidate) => candidate.sequence === sequence);
    this.entries = this.entries.filter((candidate) => candidate !== entry);
    try {
      if (entry?.path != null) rmSync(entry.path, { force: true });
    } catch {
      // It is sent once more after a restart: the receiver knows it.
    }
  }

  private drop(sequences: readonly number[]): void {
    for (const sequence of sequences) this.done(sequence);
    this.dropped += sequences.length;
  }
}

/** Whole or not at all for a reader; not flushed: a power cut may cost the newest, and a card lives longer. */
function replaceFile(path: string, text: string): void {
  const temp = `${path}.tmp`;
  writeFileSync(temp, text, { mode: 0o640 });
  renameSync(temp, path);
}

function readNumber(path: string): number {
  try {
    const value = Number(readFileSync(path, "utf8"));
    return Number.isSafeInteger(value) && value >= 0 ? value : 0;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return 0;
    throw error;
  }
}
