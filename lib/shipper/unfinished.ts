// Directories in episodes/ without a marker: recorded right now, or stuck for ever. A marker of another name, an episode that
// stands one level too deep, and one that nothing has touched for a day are said, each with what finishes it. What is still
// being written is left alone: it is looked into only once its directory has been quiet, and again when that changed. A
// recorder may keep finished parts in directories of their own: beside anything else such a part is said after a day.

import { type Dirent, lstatSync, opendirSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../core/failure.ts";
import type { Fix } from "../core/finding.ts";
import { isName, NAME_MAX } from "../core/names.ts";
import { MARKER } from "./marker.ts";
import type { ScanProblem } from "./no-episode.ts";

/** A recorder makes its files and then its marker; in between the directory is not quiet for so long. */
const QUIET_MS = 60_000;
/** No recorder that lives lets a directory lie for so long, and a person comes by once a day. */
const FORGOTTEN_MS = 24 * 3_600_000;
/** Files that grow leave the directory's own time as it is: they are asked again so often. */
const AGAIN_MS = 600_000;
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
    const directory = join(episodesDir, id);
    try {
      const ctimeMs = lstatSync(directory).ctimeMs;
      const now = this.nowMs();
      const before = this.known.get(id);
      const isKnown = before !== undefined && before.ctimeMs === ctimeMs && now - before.atMs < AGAIN_MS;
      const isQuiet = now - ctimeMs >= QUIET_MS;
      const looked = isKnown ? before : { ctimeMs, atMs: now, problem: isQuiet ? this.judge(episodesDir, id) : null };
      if (isQuiet) this.seen.set(id, looked);
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
  const problem = `it has no ${MARKER}, and nothing in it has changed since ${new Date(newestMs).toISOString()}`;
  const text = "let its recorder finish it; if it is whole as it lies there";
  return { name: id, problem, fix: command(text, "sudo", "touch", join(directory, MARKER)) };
}

function command(text: string, ...argv: string[]): Fix {
  return { text, commands: [{ argv, on: "host" }] };
}
