// Heartbeats that could not be sent, one file each, bounded: they outlive restarts, and a disk that takes nothing. Which ones
// go is decided in decide.ts. Nothing here throws: what the disk refuses is said, and tried again.

import { join } from "node:path";
import { byCommands, type Finding, inWords } from "../../core/finding.ts";
import { isUnreadable } from "../../core/reading.ts";
import { quoted } from "../../core/text/fields.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import { giveToUs } from "../../os/process/own-user.ts";
import { DISK_BYTES, IN_MEMORY, type SpoolLimits, toDrop, type Waiting } from "../decide.ts";
import { HEARTBEAT_BYTES } from "./fit.ts";
import { isJson, listSpool, makeOwnDir, refused, remove, replaceFile, spoolName } from "./spool-files.ts";
import { Sequence } from "./spool-sequence.ts";

interface Entry extends Waiting {
  /** Its file, on the disk or in the run directory; null: its text is held here. */
  path: string | null;
  onDisk: boolean;
  text: string | null;
}

const LOSS = "heartbeats wait in memory only";
const HOLD_LOSS = "a kill would cost the heartbeat that is on its way";
const NUMBER_LOSS = "the number of the last heartbeat is kept in memory only";
const STRANGERS_SHOWN = 3;

export class Spool {
  readonly directory: string;
  /** In memory, as the run directory is: it outlives the process, but not the machine. */
  private readonly runDirectory: string | null;
  private readonly sequence: Sequence;
  private entries: Entry[] = [];
  private isLoaded = false;
  /** Some were in memory when the last number was given. */
  private hasWaited = false;
  /** Files in the run directory of heartbeats that are being tried. */
  private readonly held = new Map<number, string>();
  /** Why files of heartbeats cannot be read, by sequence. */
  private readonly blocked = new Map<number, Finding>();
  private notes: Finding[] = [];
  private saidHold = false;
  /** Why the disk takes no heartbeat, or no number. */
  private spoolFailure: Finding | null = null;
  private numberFailure: Finding | null = null;
  /** How many had to go since the start because too many waited. */
  dropped = 0;
  /** How many were torn by a power cut. */
  damaged = 0;

  /**
   * Opens the spool of earlier runs.
   * @param max heartbeats that may wait now
   * @param runDir where what the disk does not take lies, and what is being tried; null: in this process alone
   */
  constructor(
    stateDir: string,
    private readonly max: () => number,
    runDir: string | null = null,
    private readonly limits: { diskBytes: number; inMemory: SpoolLimits } = {
      diskBytes: DISK_BYTES,
      inMemory: IN_MEMORY,
    },
  ) {
    this.directory = join(stateDir, "spool");
    this.runDirectory = runDir === null ? null : join(runDir, "spool");
    this.sequence = new Sequence(join(stateDir, "sequence"), runDir === null ? null : join(runDir, "sequence"));
    this.spoolFailure = refused(this.directory, LOSS, () => this.load());
    this.loadRunDirectory();
    const { file, problem, current } = this.sequence;
    if (problem !== null)
      this.notes.push({ what: `${file} ${problem}: heartbeats count on from ${current}`, fix: null });
  }

  get size(): number {
    return this.entries.length;
  }

  /** Those of them that a power cut would cost. */
  get inMemory(): number {
    return this.entries.filter(({ onDisk }) => !onDisk).length;
  }

  /** Why the disk takes nothing; null: it does. */
  get failure(): Finding | null {
    return this.spoolFailure ?? this.numberFailure;
  }

  /** Those of them that cannot be read, and why; null: none. */
  get unreadable(): Finding | null {
    const [why] = this.blocked.values();
    if (why === undefined) return null;
    return { what: `${this.blocked.size} of the heartbeats that wait cannot be read: ${why.what}`, fix: why.fix };
  }

  /** What a person should know, once. */
  takeNotes(): Finding[] {
    const notes = this.notes;
    this.notes = [];
    return notes;
  }

  /** The next sequence number. */
  nextSequence(): number {
    const sequence = this.sequence.next();
    // What failed may go through by now; nothing may wait any more, and then the number shows it.
    const isProbe = this.failure !== null;
    this.numberFailure = refused(this.sequence.file, NUMBER_LOSS, () => this.sequence.save(isProbe));
    // What an earlier run left in memory and is still there has waited long enough.
    if (this.numberFailure === null && (this.spoolFailure !== null || this.hasWaited)) this.tryDisk();
    this.hasWaited = this.inMemory > 0;
    return sequence;
  }

  /** Holds a heartbeat while it is tried: should the process be killed, the next one finds it. */
  hold(sequence: number, plain: boolean, text: string): void {
    if (this.runDirectory === null) return;
    const directory = this.runDirectory;
    const path = join(directory, spoolName(sequence, plain));
    const failure = refused(directory, HOLD_LOSS, () => {
      makeOwnDir(directory);
      replaceFile(path, text);
      this.held.set(sequence, path);
    });
    // The process alone holds it then; it is sent all the same.
    if (failure !== null && !this.saidHold) this.notes.push(failure);
    this.saidHold ||= failure !== null;
  }

  /** Keeps a heartbeat to be sent later; what is too much goes. */
  keep(sequence: number, plain: boolean, text: string): void {
    if (!this.held.has(sequence)) this.hold(sequence, plain, text);
    const path = this.held.get(sequence) ?? null;
    this.held.delete(sequence);
    const entry: Entry = { sequence, plain, path, onDisk: false, text, bytes: Buffer.byteLength(text) };
    this.entries.push(entry);
    this.tryDisk();
    if (entry.path !== null) entry.text = null;
    const { diskBytes, inMemory } = this.limits;
    this.drop(toDrop(this.entries, { count: this.max(), bytes: diskBytes }));
    const unwritten = this.entries.filter(({ onDisk }) => !onDisk);
    this.drop(toDrop(unwritten, inMemory));
  }

  /** The oldest one that waits and can be read, with its text; null when there is none. @param skip others than these */
  oldest(skip: ReadonlySet<number> = new Set()): { sequence: number; text: string } | null {
    for (let at = 0; ; ) {
      const entry = this.entries[at];
      if (entry === undefined) return null;
      const text = skip.has(entry.sequence) ? null : this.read(entry);
      if (text !== null) return { sequence: entry.sequence, text };
      // One that is no more makes room for the next.
      if (this.entries[at] === entry) at++;
    }
  }

  /** It has arrived, or is refused for good. */
  done(sequence: number): void {
    const at = this.entries.findIndex((candidate) => candidate.sequence === sequence);
    const [entry] = at < 0 ? [] : this.entries.splice(at, 1);
    for (const path of [entry?.path, this.held.get(sequence)]) if (path != null) remove(path);
    this.held.delete(sequence);
    this.blocked.delete(sequence);
  }

  /** The end of a clean run. @returns how many go with the process */
  close(): number {
    this.sequence.close();
    return this.entries.filter(({ text }) => text !== null).length;
  }

  private tryDisk(): void {
    this.spoolFailure = refused(this.directory, LOSS, () => this.toDisk());
  }

  /** Takes over what earlier runs left on the disk; again if that failed. @throws Error of the system */
  private load(): void {
    if (this.isLoaded) return;
    makeOwnDir(this.directory);
    const { strangers } = this.adopt(this.directory, true);
    this.isLoaded = true;
    if (strangers.length === 0) return;
    const names = strangers.slice(0, STRANGERS_SHOWN).map(quoted).join(", ");
    const more = strangers.length > STRANGERS_SHOWN ? ` and ${strangers.length - STRANGERS_SHOWN} more` : "";
    const what = `${names}${more} in ${this.directory}: no heartbeats of ours, they are left alone`;
    this.notes.push({ what, fix: null });
  }

  private loadRunDirectory(): void {
    try {
      if (this.runDirectory !== null) this.adopt(this.runDirectory, false);
    } catch {
      // What lies there is lost; the disk is what counts.
    }
  }

  private adopt(directory: string, onDisk: boolean): { strangers: string[] } {
    const { files, leftovers, strangers } = listSpool(directory);
    leftovers.forEach(remove);
    const known = new Set(this.entries.map(({ sequence }) => sequence));
    for (const { path, ...file } of files) {
      // Killed between the two, it is in both.
      if (known.has(file.sequence)) remove(path);
      else this.entries.push({ ...file, path, onDisk, text: null });
    }
    this.entries.sort((a, b) => a.sequence - b.sequence);
    this.sequence.skipTo(this.entries.at(-1)?.sequence ?? 0);
    return { strangers };
  }

  /** Writes to the disk what is not there yet. @throws Error of the system */
  private toDisk(): void {
    this.load();
    for (const entry of [...this.entries]) {
      const text = entry.onDisk ? null : this.read(entry);
      if (text === null) continue;
      const path = join(this.directory, spoolName(entry.sequence, entry.plain));
      replaceFile(path, text);
      if (entry.path !== null) remove(entry.path);
      Object.assign(entry, { path, onDisk: true, text: null });
    }
  }

  /** The text of one that waits. Null: it cannot be read now, or it is no more, and does not wait any longer. */
  private read({ sequence, path, text }: Entry): string | null {
    if (text !== null || path === null) return text;
    const file = readSmallFile(path, HEARTBEAT_BYTES);
    if (isUnreadable(file)) {
      this.block(sequence, path, file.unreadable);
      return null;
    }
    this.blocked.delete(sequence);
    if (file !== null && isJson(file.text)) return file.text;
    // A person has removed it, or a power cut has torn it: nothing can be sent of it.
    this.done(sequence);
    if (file !== null) this.damaged++;
    return null;
  }

  private block(sequence: number, path: string, why: string): void {
    const isFirst = this.blocked.size === 0;
    const fix = why === "EACCES" ? byCommands(giveToUs([path])) : inWords("look at it, and move it away");
    this.blocked.set(sequence, { what: `${path}: ${why}`, fix });
    if (isFirst && this.unreadable !== null) this.notes.push(this.unreadable);
  }

  private drop(sequences: readonly number[]): void {
    for (const sequence of sequences) this.done(sequence);
    this.dropped += sequences.length;
  }
}
