// Whether the daemon still stands on the data root that it locked: a disk may be pulled out under it, put back, or another one be
// mounted over it. Nothing is made, sent or removed on ground that is not its own.

import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Dirs } from "../../contract/places.ts";
import { errorCode } from "../../core/failure.ts";
import { type Finding, type Fix, onHost } from "../../core/finding.ts";
import { whyDiskRefuses } from "../../os/files/disk-refusal.ts";
import { makeDir } from "../../os/files/files.ts";
import type { ScanProblem } from "../episode/scan-problem.ts";
import { closedToRecorders } from "./recorders.ts";

/** What has the data root's name now. */
export interface Standing {
  /** Device and inode number of the directory; null: there is none, or it cannot be looked at. */
  id: string | null;
  /** Why not; "" where it can. */
  code: string;
  /** Which of the directories below it are missing, by name. */
  missing: readonly string[];
}

/**
 * `ours`: what was locked; `gone`: nothing, or an empty place where it was mounted; `another`: a data root that nobody has locked
 * yet, be it the same disk under another number.
 */
export type Ground = "ours" | "gone" | "another";

/** @param lockedId the directory that was locked @param all how many directories a data root has below it. Pure. */
export function judgeGround(lockedId: string, { id, missing }: Standing, all: number): Ground {
  if (id === lockedId) return "ours";
  return id === null || missing.length === all ? "gone" : "another";
}

/** The data root as it is at the start, locked. @throws Error of the system */
export function openGround(dataRoot: string, dirs: Dirs): GroundUnderUs {
  const fd = openSync(dataRoot, constants.O_RDONLY | constants.O_DIRECTORY);
  const { dev, ino } = fstatSync(fd, { bigint: true });
  const id = `${dev}:${ino}`;
  const names = Object.values(dirs).map((dir) => basename(dir));
  // By the descriptor: whatever has the name by now, what is made again is made in our own.
  const ours = `/proc/self/fd/${fd}/.`;
  return {
    id,
    async look() {
      const found = await idOf(dataRoot);
      if (found.id === null) return { ...found, missing: names };
      return { ...found, missing: await missingBelow(found.id === id ? ours : dataRoot, names) };
    },
    async restore({ missing }) {
      for (const name of missing) await makeDir(`${ours}/${name}`);
      return missing;
    },
    close: () => closeSync(fd),
  };
}

export interface GroundUnderUs {
  /** Device and inode number. */
  readonly id: string;
  /** Looks at what has its name now. */
  look(): Promise<Standing>;
  /** Makes again what somebody removed below it. @returns what was made @throws Error of the system */
  restore(standing: Standing): Promise<readonly string[]>;
  close(): void;
}

async function idOf(path: string): Promise<Pick<Standing, "id" | "code">> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return { id: `${dev}:${ino}`, code: "" };
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    return { id: null, code };
  }
}

async function missingBelow(directory: string, names: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const name of names) if ((await idOf(`${directory}/${name}`)).code === "ENOENT") missing.push(name);
  return missing;
}

/** What is said of a directory below it that was made again. */
export function restoredFinding(dirs: Dirs, name: string): Finding {
  if (name === basename(dirs.episodes)) return closedToRecorders(dirs.episodes);
  const what = `${join(dirname(dirs.episodes), name)} was not there and is made: somebody removed it`;
  return { what, fix: null };
}

/** What is said while a directory is missing below it that cannot be made. */
export function cannotRestore(dataRoot: string, { missing }: Standing, code: string): ScanProblem {
  const { what, fix } = whyDiskRefuses(dataRoot, code);
  const problem = `${missing.join(", ")} is missing in it and cannot be made: ${what}`;
  return { name: dataRoot, problem, fix };
}

/** What is said while it is gone. */
export function goneProblem(dataRoot: string, { code }: Standing): ScanProblem {
  const what = code === "" ? "an empty directory stands there" : `there is none: ${code}`;
  const fix: Fix = {
    text: "put its disk back and mount it, or restart the shipper if this is a new one; this shows what is mounted there",
    commands: [onHost("findmnt", "-T", dataRoot)],
  };
  return { name: dataRoot, problem: `the data root has gone while the shipper was at work: ${what}`, fix };
}
