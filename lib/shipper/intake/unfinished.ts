// Directories in episodes/ without a marker: recorded right now, or stuck for ever. A marker of another name, an episode that
// stands one level too deep, and one that nothing has touched for a day are said, each with what finishes it. What is still
// being written is left alone: it is looked into only once its directory has been quiet, and again when that changed. A
// recorder may keep finished parts in directories of their own: beside anything else such a part is said after a day.

import { type Dirent, lstatSync, opendirSync } from "node:fs";
import { join } from "node:path";
import { isName, NAME_MAX } from "../../contract/names.ts";
import { MARKER } from "../../contract/places.ts";
import { errorCode } from "../../core/failure.ts";
import { type Fix, onHost } from "../../core/finding.ts";
import type { ScanProblem } from "../episode/scan-problem.ts";
import { leftCopy, originalStands } from "./left-copy.ts";
import { badlyNamed, touching } from "./no-episode.ts";

/** A recorder makes its files and then its marker; in between the directory is not quiet for so long. */
const QUIET_MS = 60_000;
/** No recorder that lives lets a directory lie for so long, and a person comes by once a day. */
const FORGOTTEN_MS = 24 * 3_600_000;
/** Files that grow leave the directory's own time as it is: they are asked again so often. */
const AGAIN_MS = 600_000;
/**
 * Our remedies remove the original only once the copy is whole, and rename it at once: a copy alone is nobody's work any more. So
 * long it is left to somebody who copies under such a name by hand. Where the original stands, a copy of terabytes may be under way
 * in some directory deep below, and nothing is lost by waiting a day.
 */
const COPIED_MS = AGAIN_MS;
/** Entries that are looked at: a recording of a million files is finished by whoever makes a million files. */
const LISTED = 10_000;
/** Entries whose times are asked; of more, those of the directory alone have to do. */
const ASKED = 1000;

/** What is known of one directory since it was looked into. */
interface Looked {
  ctimeMs: number;
  atMs: number;
  problem: ScanProblem | null;
}

export class Unfinished {
  private known = new Map<string, Looked>();
  private seen = new Map<string, Looked>();

  constructor(private readonly nowMs: () => number = Date.now) {}

  /** What keeps a directory without a marker from ever being shipped; null while it may be being recorded. */
  look(episodesDir: string, id: string): ScanProblem | null {
    return this.remembered(id, join(episodesDir, id), () => this.judge(episodesDir, id));
  }

  /**
   * The same of a hidden one: a recorder may keep anything in it until it gives it a name, so only that nothing has touched it
   * for a day is said.
   */
  lookAtHidden(episodesDir: string, name: string, inode: bigint): ScanProblem | null {
    const directory = join(episodesDir, name);
    return this.remembered(name, directory, () => {
      const newestMs = newestIn(directory);
      return this.nowMs() - newestMs < FORGOTTEN_MS
        ? null
        : forgottenHidden(episodesDir, name, inode, quietSince(newestMs));
    });
  }

  /** A copy that one of our remedies makes; null while it may be under way. */
  lookAtCopy(episodesDir: string, name: string, id: string): ScanProblem | null {
    const directory = join(episodesDir, name);
    const stands = originalStands(episodesDir, id);
    // The other remembered answer is about another state of things.
    return this.remembered(`${name} ${stands}`, directory, () => {
      const quietMs = this.nowMs() - newestIn(directory);
      return quietMs < (stands ? FORGOTTEN_MS : COPIED_MS) ? null : leftCopy(episodesDir, name, id, stands);
    });
  }

  private remembered(key: string, directory: string, judge: () => ScanProblem | null): ScanProblem | null {
    try {
      const ctimeMs = lstatSync(directory).ctimeMs;
      const now = this.nowMs();
      const before = this.known.get(key);
      const isKnown = before !== undefined && before.ctimeMs === ctimeMs && now - before.atMs < AGAIN_MS;
      const isQuiet = now - ctimeMs >= QUIET_MS;
      const looked = isKnown ? before : { ctimeMs, atMs: now, problem: isQuiet ? judge() : null };
      if (isQuiet) this.seen.set(key, looked);
      return looked.problem;
    } catch (error) {
      // It went, or may not be read: the latter is said when it has its marker.
      if (errorCode(error) === null) throw error;
      return null;
    }
  }

  /** Forgets what was not asked about since the last time. */
  endOfScan(): void {
    this.known = this.seen;
    this.seen = new Map();
  }

  private judge(episodesDir: string, id: string): ScanProblem | null {
    const directory = join(episodesDir, id);
    const entries = firstEntries(directory);
    const nearly = entries.find((entry) => entry.isFile() && isNearlyMarker(entry.name));
    if (nearly !== undefined) return misnamed(directory, id, nearly.name);
    const newestMs = newestOf(directory, entries.slice(0, ASKED));
    const isForgotten = this.nowMs() - newestMs >= FORGOTTEN_MS;
    // Nothing but one episode is a directory too many; with anything beside it a recording may go on around it.
    const isInQuestion = isForgotten || entries.length === 1;
    const deeper = isInQuestion ? entries.find((entry) => isEpisode(directory, entry)) : undefined;
    if (deeper !== undefined) return tooDeep(episodesDir, id, deeper.name);
    return isForgotten ? forgotten(directory, id, newestMs) : null;
  }
}

/** `DONE.MARKER`, `done.marker.txt`, `done_marker`, `.done.marker`: written for the marker, and none. */
export function isNearlyMarker(name: string): boolean {
  return name !== MARKER && /^\.?done[ ._-]?marker(\.(txt|tmp|json|part))?$/i.test(name);
}

function firstEntries(directory: string): Dirent[] {
  const listing = opendirSync(directory);
  try {
    const entries: Dirent[] = [];
    for (let entry = listing.readSync(); entry !== null && entries.length < LISTED; entry = listing.readSync())
      entries.push(entry);
    return entries;
  } finally {
    listing.closeSync();
  }
}

function isEpisode(directory: string, entry: Dirent): boolean {
  if (!entry.isDirectory() || !isName(entry.name)) return false;
  return lstatSync(join(directory, entry.name, MARKER), { throwIfNoEntry: false })?.isFile() === true;
}

function newestIn(directory: string): number {
  return newestOf(directory, firstEntries(directory).slice(0, ASKED));
}

function newestOf(directory: string, entries: readonly Dirent[]): number {
  const times = entries.map(({ name }) => lstatSync(join(directory, name), { throwIfNoEntry: false })?.ctimeMs ?? 0);
  return Math.max(lstatSync(directory).ctimeMs, ...times);
}

function misnamed(directory: string, id: string, name: string): ScanProblem {
  const problem = `it has ${JSON.stringify(name)} and no ${MARKER}: the name has to be exactly that`;
  return { name: id, problem, fix: command("", "sudo", "mv", "-T", join(directory, name), join(directory, MARKER)) };
}

function tooDeep(episodesDir: string, id: string, inner: string): ScanProblem {
  const problem = `it has no ${MARKER}, and ${inner}/ in it has one: an episode stands directly in episodes/`;
  const to = join(episodesDir, `${id}-${inner}`.slice(0, NAME_MAX));
  const isFree = lstatSync(to, { throwIfNoEntry: false }) === undefined;
  const fix = isFree ? command("", "sudo", "mv", "-T", join(episodesDir, id, inner), to) : null;
  return { name: id, problem, fix };
}

function forgotten(directory: string, id: string, newestMs: number): ScanProblem {
  return { name: id, problem: quietSince(newestMs), fix: command(IF_WHOLE, "sudo", "touch", join(directory, MARKER)) };
}

const IF_WHOLE = "let its recorder finish it; if it is whole as it lies there";

function quietSince(newestMs: number): string {
  return `it has no ${MARKER}, and nothing in it has changed since ${new Date(newestMs).toISOString()}`;
}

function forgottenHidden(episodesDir: string, name: string, inode: bigint, problem: string): ScanProblem {
  const { fix } = badlyNamed(episodesDir, name, inode);
  const finish = onHost(...touching(episodesDir, name, inode, MARKER));
  return { name, problem, fix: { text: IF_WHOLE, commands: [finish, ...(fix?.commands ?? [])] } };
}

function command(text: string, ...argv: string[]): Fix {
  return { text, commands: [{ argv, on: "host" }] };
}
