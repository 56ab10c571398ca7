// Something is mounted on a directory of the data root, which a start refuses, or was mounted there since: no episode can be moved
// across, whichever it is, and a copy of one made there would be no better.

import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { dataDirs } from "../../contract/places.ts";
import { errorCode } from "../../core/failure.ts";
import { type Command, onHost } from "../../core/finding.ts";
import { attributesOf } from "../../os/file-calls.ts";
import type { Hindrance } from "./hindrance.ts";

/** Why an episode cannot be moved within its data root, and what takes the mounts off; null: nothing is mounted below it. */
export function splitRoot(root: string): Hindrance | null {
  const { points, mends } = mountsOf(dirname(dirname(root)));
  if (points.length === 0) return null;
  const reason = `no episode can be moved when it is shipped: ${points.join(" and ")} ${points.length === 1 ? "is a mount of its own" : "are mounts of their own"}, and a rename does not reach across`;
  return { reason, fix: { text: "", commands: mends }, ofDisk: true };
}

/** What is mounted on directories of a data root, and the commands that take it off: none hides what lies there. */
export function mountsOf(dataRoot: string): { points: string[]; mends: Command[] } {
  const points = Object.values(dataDirs(dataRoot)).filter(isMountPoint);
  const mends = points.flatMap((point) => (isEmpty(point) ? [onHost("sudo", "umount", point)] : emptied(point)));
  return { points, mends };
}

/** One that may not be read may hold anything. */
function isEmpty(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false;
  }
}

/** Whether something is mounted on the very directory that holds the episode. Costs one system call. */
export function isMountedEpisodes(root: string): boolean {
  return isMountPoint(dirname(root));
}

function isMountPoint(path: string): boolean {
  return attributesOf(path).isMountPoint;
}

/** What lies on the mount is taken out of it first; each episode gets its name by a rename, whole. */
function emptied(point: string): Command[] {
  const copy = `${point}.copy`;
  return [
    onHost("sudo", "cp", "-a", "-T", point, copy),
    onHost("sudo", "umount", point),
    onHost("sudo", "find", copy, "-mindepth", "1", "-maxdepth", "1", "-exec", "mv", "-n", "-t", point, "{}", "+"),
    onHost("sudo", "rmdir", copy),
  ];
}
