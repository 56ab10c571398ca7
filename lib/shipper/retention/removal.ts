// Removes settled episodes. Each loses its name first, so that a power cut in between leaves nothing that looks like data; what is
// refused leaves its note in removed.jsonl before it goes.

import { closeSync, constants, fstatSync, fsyncSync, readSync, writeSync } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Dirs } from "../../contract/places.ts";
import { errorCode } from "../../core/failure.ts";
import { exists, fsyncDir, renameDurable } from "../../os/files/files.ts";
import { openOrMake } from "../../os/files/owner.ts";
import { type Place, readDocument } from "../episode/document.ts";

const DOOMED = ".pruned-";
const NEWLINE = 0x0a;

/** `removed.jsonl` is set aside as `removed.jsonl.1` above this, bytes: tens of thousands of notes. */
const REMOVED_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Removes a settled episode. What cannot be removed to its end is no episode any more, and goes with a later sweep.
 * @throws Error of the system when it stays as it is
 */
export async function removeSettled(dirs: Dirs, kind: Place, name: string): Promise<void> {
  const doomed = await freeName(dirs[kind], `${DOOMED}${name}`);
  await renameDurable(join(dirs[kind], name), doomed);
  await clear(doomed);
}

/** Another of its name may have been left over. `~` cannot be in an episode's own name. */
async function freeName(directory: string, name: string): Promise<string> {
  for (let n = 0; ; n++) {
    const path = join(directory, n === 0 ? name : `${name}~${n}`);
    if (!(await exists(path)) || (await clear(path))) return path;
  }
}

async function clear(path: string): Promise<boolean> {
  try {
    await rm(path, { recursive: true, force: true });
    return true;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false;
  }
}

/** What removals left over; `.pruned-` begins no episode's name. */
export async function listDoomed(dirs: Dirs): Promise<string[]> {
  const found: string[] = [];
  for (const kind of ["shipped", "quarantine"] as const) {
    for (const name of await readdir(dirs[kind])) if (name.startsWith(DOOMED)) found.push(join(dirs[kind], name));
  }
  return found;
}

/** Finishes removals that were interrupted; what cannot be removed stays and is returned. */
export async function sweepDoomed(dirs: Dirs): Promise<string[]> {
  const left: string[] = [];
  for (const path of await listDoomed(dirs)) if (!(await clear(path))) left.push(path);
  return left;
}

/** Why an episode is removed that no receiver has. */
export interface Removed {
  at: string;
  place: Place;
  name: string;
  /** `pruned`: refused to the last; `discarded`: a person said so. */
  why: "pruned" | "discarded";
  receiver_day: number;
}

/**
 * Notes a removal in `removed.jsonl`, with the episode's own note, on the disk when this resolves.
 * @throws Error of the system: then nothing may be removed
 */
export async function noteRemoved(dataRoot: string, dirs: Dirs, removed: Removed): Promise<void> {
  const note = parseNote(await readDocument(join(dirs[removed.place], removed.name), removed.place));
  const path = join(dataRoot, "removed.jsonl");
  await rotate(path);
  const fd = openOrMake(path, constants.O_RDWR | constants.O_APPEND, 0o640);
  try {
    // A line that a power cut tore is ended first.
    const { size } = fstatSync(fd);
    const last = Buffer.alloc(1);
    readSync(fd, last, 0, 1, Math.max(0, size - 1));
    const isTorn = size > 0 && last[0] !== NEWLINE;
    writeSync(fd, `${isTorn ? "\n" : ""}${JSON.stringify({ ...removed, note })}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  await fsyncDir(dataRoot);
}

async function rotate(path: string): Promise<void> {
  try {
    if ((await stat(path)).size > REMOVED_MAX_BYTES) await rename(path, `${path}.1`);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

function parseNote(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return text;
  }
}
