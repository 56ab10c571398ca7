// Something was mounted on a directory of the data root while the shipper runs (a start refuses that): no episode can be moved
// across, whichever it is, and a copy of one made there would be no better.

import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { type Command, onHost } from "../core/finding.ts";
import { attributesOf } from "../os/file-calls.ts";
import type { Hindrance } from "./hindrance.ts";
import { dataDirs } from "./settings.ts";

/** Why an episode cannot be moved within its data root, and what takes the mounts off; null: nothing is mounted below it. */
export function splitRoot(root: string): Hindrance | null {
  const { points, mends } = mountsOf(dirname(dirname(root)));
  if (points.length === 0) return null;
  const reason = `no episode can be moved when it is shipped: ${points.join(" and ")} ${points.length === 1 ? "is a mount of its own" : "are mounts of their own"}, and a rename does not reach across`;
  return { reason, fix: { text: "", commands: mends }, ofDisk: true };
}

/** What is mounted on directories of a data root, and the commands that take it off: none hides an episode that is not shipped. */
export function mountsOf(dataRoot: string): { points: string[]; mends: Command[] } {
  const { episodes, ...others } = dataDirs(dataRoot);
  const points = Object.values(others).filter(isMountPoint);
  const mends = points.map((point) => onHost("sudo", "umount", point));
  if (!isMountPoint(episodes)) return { points, mends };
  const taken = readdirSync(episodes).length === 0 ? [onHost("sudo", "umount", episodes)] : emptied(episodes);
  return { points: [episodes, ...points], mends: [...taken, ...mends] };
}

/** Whether something is mounted on the very directory that holds the episode. Costs one system call. */
export function isMountedEpisodes(root: string): boolean {
  return isMountPoint(dirname(root));
}

function isMountPoint(path: string): boolean {
  return attributesOf(path).isMountPoint;
}

/** What was recorded on the mount is taken out of it first; each episode gets its name by a rename, whole. */
function emptied(episodes: string): Command[] {
  const copy = `${episodes}.copy`;
  return [
    onHost("sudo", "cp", "-a", "-T", episodes, copy),
    onHost("sudo", "umount", episodes),
    onHost("sudo", "find", copy, "-mindepth", "1", "-maxdepth", "1", "-exec", "mv", "-n", "-t", episodes, "{}", "+"),
    onHost("sudo", "rmdir", copy),
  ];
}
