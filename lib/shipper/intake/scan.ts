// Finds finished episodes. The scan is the truth: nothing else puts an episode into the queue. Whatever is wrong with one
// directory is noted and never keeps the others from being found.

import { lstatSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { isName } from "../../contract/names.ts";
import { MARKER } from "../../contract/places.ts";
import { errorCode } from "../../core/failure.ts";
import type { Fix } from "../../core/finding.ts";
import { entriesOf } from "../../os/files/entries.ts";
import { whyNotRead } from "../episode/episode-facts.ts";
import type { ScanProblem } from "../episode/scan-problem.ts";
import { copiedId } from "./left-copy.ts";
import { badlyNamed, isPassedOver, noDirectory, statsOf, undecodable } from "./no-episode.ts";
import { Unfinished } from "./unfinished.ts";

export interface Scan {
  /** Finished and not known yet. */
  finished: { id: string; finishedMs: number }[];
  /** Directories without a marker, hidden ones too: a recorder may give them their names when they are finished. */
  recording: number;
  problems: ScanProblem[];
  /** Every episode directory there is, finished or not. */
  present: Set<string>;
}

/** Episodes looked at between two turns of the event loop. */
const SLICE = 2000;

/**
 * Looks through `episodes/`: one stat for each episode that is not known, none for those that are.
 * @param isKnown whether an episode is in the queue already
 * @param unfinished what earlier scans found in those without a marker
 */
export async function scanEpisodes(
  episodesDir: string,
  isKnown: (id: string) => boolean,
  unfinished: Unfinished = new Unfinished(),
): Promise<Scan> {
  const scan: Scan = { finished: [], recording: 0, problems: [], present: new Set() };
  let looked = 0;
  let isTextOnly = true;
  for await (const entry of entriesOf(episodesDir)) {
    if (entry.name.includes("\ufffd")) isTextOnly = false;
    else if (isName(entry.name) && entry.isDirectory()) {
      scan.present.add(entry.name);
      if (!isKnown(entry.name)) look(scan, episodesDir, entry.name, unfinished);
    } else lookAtOther(scan, episodesDir, entry.name, unfinished);
    if (++looked % SLICE === 0) await nextTurn();
  }
  if (!isTextOnly) scan.problems.push(...undecodable(episodesDir));
  unfinished.endOfScan();
  return scan;
}

/** Anything but a directory of a fitting name. */
function lookAtOther(scan: Scan, episodesDir: string, name: string, unfinished: Unfinished): void {
  const path = join(episodesDir, name);
  const stats = statsOf(path);
  if (stats === null || isPassedOver(name, stats.isDirectory())) return;
  const copied = copiedId(name);
  if (!stats.isDirectory()) scan.problems.push(noDirectory(episodesDir, name, stats));
  else if (copied !== null) note(scan, unfinished.lookAtCopy(episodesDir, name, copied));
  else if (name.startsWith(".") && statsOf(join(path, MARKER)) === null) {
    if (!note(scan, unfinished.lookAtHidden(episodesDir, name, stats.ino))) scan.recording++;
  } else if (isName(name)) {
    // A file system that tells no kinds in its listings.
    scan.present.add(name);
    look(scan, episodesDir, name, unfinished);
  } else scan.problems.push(badlyNamed(episodesDir, name, stats.ino));
}

function note(scan: Scan, problem: ScanProblem | null): boolean {
  if (problem !== null) scan.problems.push(problem);
  return problem !== null;
}

function look(scan: Scan, episodesDir: string, id: string, unfinished: Unfinished): void {
  const directory = join(episodesDir, id);
  try {
    const marker = lstatSync(join(directory, MARKER));
    if (marker.isFile()) scan.finished.push({ id, finishedMs: marker.mtimeMs });
    else scan.problems.push({ name: id, problem: `its ${MARKER} is no regular file`, fix: replaceMarker(directory) });
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    if (code === "ENOENT" || code === "ENOTDIR") {
      if (!note(scan, unfinished.look(episodesDir, id))) scan.recording++;
    } else {
      const { reason, fix } = whyNotRead(directory, "", code);
      scan.problems.push({ name: id, problem: reason, fix });
    }
  }
}

/** What has the marker's name is set aside, and whoever made it may look at it. */
function replaceMarker(directory: string): Fix {
  const marker = join(directory, MARKER);
  const commands = [
    ["sudo", "mv", marker, `${marker}.aside`],
    ["sudo", "touch", marker],
  ];
  return { text: "", commands: commands.map((argv) => ({ argv, on: "host" })) };
}
