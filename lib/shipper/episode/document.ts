// The note that a settled episode carries: `receipt.json` in shipped/, `rejection.json` in quarantine/. An episode may
// have files of that name itself: then they are left alone, and ours stands beside them.

import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { exists, fsyncDir, readRegularFile, writeFileDurable } from "../../os/files/files.ts";
import { idOf } from "./notes.ts";

/** Where settled episodes are. */
export type Place = "shipped" | "quarantine";

/** So many names a note may have: an episode that takes them all has been made to, and a person is told. */
const NAMES_MAX = 20;

const NAMES: Readonly<Record<Place, readonly string[]>> = {
  shipped: namesOf("receipt"),
  quarantine: namesOf("rejection"),
};

/** `receipt.json`, `receipt.labfleet.json`, `receipt.labfleet.2.json`, … */
function namesOf(word: string): string[] {
  const others = Array.from({ length: NAMES_MAX - 2 }, (_, i) => `${word}.labfleet.${i + 2}.json`);
  return [`${word}.json`, `${word}.labfleet.json`, ...others];
}

/** A larger file of that name is the episode's own. */
export const DOCUMENT_MAX_BYTES = 1024 * 1024;

/** Whether a file of this name, directly in an episode, may be one of ours. */
export function isDocumentName(name: string): boolean {
  return Object.values(NAMES).some((names) => names.includes(name));
}

/**
 * Whether a text is that of a note that we wrote about the episode in `directory`; one about another is a file that it recorded.
 * Pure.
 */
export function isOurDocument(text: string, directory: string): boolean {
  try {
    const id = idOf(basename(directory));
    const { labfleet, episode_id } = Object(JSON.parse(text)) as Record<string, unknown>;
    return labfleet === 1 && episode_id === id;
  } catch {
    return false;
  }
}

/** The text of our document in an episode's directory, or null when it carries none. */
export async function readDocument(directory: string, place: Place): Promise<string | null> {
  return (await findOurs(directory, place))?.text ?? null;
}

/**
 * Writes our document into an episode's directory, over an earlier one of ours.
 * @param temp where it is written first, on the same file system and in no episode: a crash leaves it there
 */
export async function writeDocument(
  directory: string,
  place: Place,
  document: Record<string, unknown>,
  temp: string,
): Promise<void> {
  const { ours, free } = await look(directory, place);
  const path = ours?.path ?? free;
  if (path === null) throw allTaken(place);
  await writeFileDurable(
    path,
    `${JSON.stringify({ labfleet: 1, episode_id: idOf(basename(directory)), ...document })}\n`,
    0o640,
    temp,
  );
}

/**
 * Takes our document out of an episode's directory, if there is one; it is out of it on the disk too when this resolves.
 * @throws Error of the system; ENOENT: the episode was shipped and moved on meanwhile
 */
export async function removeDocument(directory: string, place: Place): Promise<void> {
  const ours = await findOurs(directory, place);
  if (ours === null) return;
  await rm(ours.path, { force: true });
  // The episode may get another name next, under which nobody would know the note for ours.
  await fsyncDir(directory);
}

interface Ours {
  path: string;
  text: string;
}

/** Where we may not even look there is none of ours. */
async function findOurs(directory: string, place: Place): Promise<Ours | null> {
  try {
    return (await look(directory, place)).ours;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}

interface Found {
  ours: Ours | null;
  /** The first name that nothing has; null where all are taken. */
  free: string | null;
}

/**
 * Looks for our document under its names in their order. Ours was given the first that was free: the search ends at the second
 * one that is, the first may be that of a file of the episode's that somebody took away since.
 */
async function look(directory: string, place: Place): Promise<Found> {
  let free: string | null = null;
  for (const name of NAMES[place]) {
    const path = join(directory, name);
    if (!(await exists(path))) {
      if (free !== null) break;
      free = path;
      continue;
    }
    const text = await readRegularFile(path, DOCUMENT_MAX_BYTES);
    if (text !== null && isOurDocument(text, directory)) return { ours: { path, text }, free };
  }
  return { ours: null, free };
}

function allTaken(place: Place): Error {
  const [first, second] = NAMES[place];
  const what = `${first}, ${second} and ${NAMES_MAX - 2} more of that name are the episode's own files`;
  return Object.assign(new Error(`${what}: rename one of them`), { code: "EEXIST" });
}
