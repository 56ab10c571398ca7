// Who checks a store as root may read everything; the receiver runs as the user to whom the store belongs, and may not. What it
// cannot read it confirms to no host.

import { lstatSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { byCommands, type Fix, here } from "../../../core/finding.ts";
import { readUserNames } from "../../../os/process/process-table.ts";

/** Whom a file or a directory belongs to, and what its mode allows. */
export type Rights = Pick<Stats, "uid" | "gid" | "mode">;

/** Why the receiver's user cannot read an archive, with what mends it; null: it can. @throws the disk's error */
export type ClosedTo = (path: string) => { detail: string; fix: Fix } | null;

const READ = 4;
const ENTER = 1;

/** Whether a mode lets a user do something: of owner, group and others the first that fits decides (path_resolution(7)). Pure. */
export function mayUse({ uid, gid, mode }: Rights, user: Pick<Rights, "uid" | "gid">, right: number): boolean {
  if (user.uid === 0) return true;
  const shift = user.uid === uid ? 6 : user.gid === gid ? 3 : 0;
  return ((mode >> shift) & right) === right;
}

/** Looks for archives that are closed to the receiver's user: whom the data root belongs to, or episodes/ in a root of root's. */
export function closedToReceiver(dataRoot: string, episodes: string): ClosedTo {
  const root = lstatSync(dataRoot);
  const user = root.uid !== 0 ? root : (lstatSync(episodes, { throwIfNoEntry: false }) ?? root);
  // Anybody else than root meets it himself when he reads.
  if (process.geteuid?.() !== 0 || user.uid === 0) return () => null;
  const names = readUserNames("/");
  const name = names.get(user.uid) ?? String(user.uid);
  const fix = byCommands(here("sudo", "chown", "-R", name, episodes), here("sudo", "chmod", "-R", "u+rX", episodes));
  return (path) => {
    for (const [at, right] of [
      [episodes, ENTER],
      [dirname(path), ENTER],
      [path, READ],
    ] as const) {
      const found = lstatSync(at);
      if (mayUse(found, user, right)) continue;
      const { uid, mode } = found;
      const which = at === path ? "it" : at;
      const has = `${names.get(uid) ?? String(uid)}'s, mode ${(mode & 0o7777).toString(8).padStart(4, "0")}`;
      return { detail: `cannot be read by ${name}, the receiver's user: ${which} is ${has}`, fix };
    }
    return null;
  };
}
