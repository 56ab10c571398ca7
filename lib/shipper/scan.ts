// Finds finished episodes. The scan is the truth: nothing else puts an episode into the queue.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { errorCode } from "../core/failure.ts";
import { isName } from "../core/names.ts";
import { MARKER } from "./marker.ts";

export interface Scan {
  /** Finished and not known yet. */
  finished: { id: string; finishedMs: number }[];
  /** Directories without a marker. */
  recording: number;
  /** Names that can never be shipped, because no URL can carry them. */
  badNames: string[];
  /** Every episode directory there is, finished or not. */
  present: Set<string>;
}

/** Episodes looked at between two turns of the event loop. */
const SLICE = 2000;

/**
 * Looks through `episodes/`: one stat for each episode that is not known, none for those that are.
 * @param isKnown whether an episode is in the queue already
 */
export async function scanEpisodes(episodesDir: string, isKnown: (id: string) => boolean): Promise<Scan> {
  const scan: Scan = { finished: [], recording: 0, badNames: [], present: new Set() };
  let looked = 0;
  for (const entry of readdirSync(episodesDir, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith(".")) continue;
    if (!isName(entry.name)) {
      scan.badNames.push(entry.name);
      continue;
    }
    scan.present.add(entry.name);
    if (isKnown(entry.name)) continue;
    const finishedMs = markerTime(join(episodesDir, entry.name, MARKER));
    if (finishedMs === null) scan.recording++;
    else scan.finished.push({ id: entry.name, finishedMs });
    if (++looked % SLICE === 0) await nextTurn();
  }
  return scan;
}

function markerTime(path: string): number | null {
  try {
    return statSync(path).mtimeMs;
  } catch (error) {
    // EACCES: a directory that we may not even look into; packing would say so, but it may not be finished yet.
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(errorCode(error) ?? "")) return null;
    throw error;
  }
}
