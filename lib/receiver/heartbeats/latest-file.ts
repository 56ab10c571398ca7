// heartbeats/<host>.json.zst: the hosts of whom one is kept, and replacing it as a whole (os/files/latest-heartbeat.ts reads it).

import { constants } from "node:fs";
import { type FileHandle, lstat, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { StoredHeartbeat } from "../../contract/host-document.ts";
import { isName } from "../../contract/names.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { briefOf, type HostBrief, type Unreadable, unreadableBrief } from "../../fleet/view.ts";
import { failpoint } from "../../os/failpoint.ts";
import { putAside } from "../../os/files/aside.ts";
import { clearName, namesIn } from "../../os/files/files.ts";
import {
  encodeLatest,
  type FoundHost,
  hostOfFile,
  latestPath,
  OLDER,
  readLatest,
  SUFFIX,
} from "../../os/files/latest-heartbeat.ts";
import { makeDirsNow, settleNew } from "../../os/files/owner.ts";
import { isWrongKind } from "../../os/files/regular.ts";
import { HERE, type NeedHere } from "../disk/presence.ts";
import { mapInTurns } from "./turns.ts";

/** Names looked at between two turns of the event loop. */
const NAMES_PER_TURN = 2000;

/**
 * The names of all hosts of whom a heartbeat is kept, sorted; nothing of them is read.
 * @param isKnown spares a look at a name that was one before
 * @throws the disk's error when the directory cannot be read
 */
export async function hostNames(dir: string, isKnown: (host: string) => boolean = () => false): Promise<string[]> {
  const names = await mapInTurns(await namesIn(dir), NAMES_PER_TURN, (file) => {
    const host = hostOfFile(file);
    return isKnown(host) || isName(host) ? host : null;
  });
  return [...new Set(names.filter((name) => name !== null))].sort();
}

/** As much of a host as a listing needs; one that cannot be read is said to be so. Null: it is gone. */
export async function readBrief(dir: string, host: string): Promise<HostBrief | null> {
  let why: Unreadable = "torn";
  const found = await readLatest(dir, host).catch((error: unknown): FoundHost => {
    why = errorCode(error) ?? errorText(error);
    return { kind: "unreadable" };
  });
  if (found.kind === "found") return briefOf(host, found.stored);
  for (const suffix of [SUFFIX, OLDER]) {
    const facts = await lstat(join(dir, `${host}${suffix}`)).catch(() => null);
    if (facts !== null) return unreadableBrief(host, facts.mtimeMs, why);
  }
  return null;
}

/**
 * Replaces a host's document: killed at any time, it is the old one or the new one, whole.
 * @param needHere asked before anything is made
 * @throws the disk's error
 */
export async function replaceLatest(
  dir: string,
  host: string,
  document: StoredHeartbeat,
  needHere: NeedHere = HERE,
): Promise<void> {
  needHere();
  makeDirsNow(dir, 0o750);
  // One writer for each host: a temporary file that a kill left is written over.
  const temp = join(dir, `.${host}${SUFFIX}.tmp`);
  const handle = await openTemp(temp);
  try {
    settleNew(handle.fd, temp, 0o640);
    await handle.writeFile(encodeLatest(document));
  } finally {
    await handle.close();
  }
  failpoint("receiver.before-heartbeat-rename");
  await overDirectory(latestPath(dir, host), () => rename(temp, latestPath(dir, host)));
  failpoint("receiver.after-heartbeat-rename");
  // Looked for each time: a kill may have left it, and who removes the other one would have that host back.
  const older = join(dir, `${host}${OLDER}`);
  await overDirectory(older, () => rm(older, { force: true }));
}

/** Never waits, whatever has its name: that is removed. */
async function openTemp(temp: string): Promise<FileHandle> {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK } = constants;
  const make = (): Promise<FileHandle> => open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0o640);
  try {
    return await make();
  } catch (error) {
    if (!isWrongKind(errorCode(error))) throw error;
    await clearName(temp);
    return await make();
  }
}

/** A directory of that name is the one thing that no rename replaces: it is put aside, and no host is refused for it. */
async function overDirectory(path: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!IS_DIRECTORY.includes(errorCode(error) ?? "")) throw error;
    await putAside(path);
    await act();
  }
}

/** As the system says it, and as `rm` does. */
const IS_DIRECTORY: readonly string[] = ["EISDIR", "ERR_FS_EISDIR"];
