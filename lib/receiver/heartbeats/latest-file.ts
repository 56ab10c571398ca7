// heartbeats/<host>.json.zst: the hosts of whom one is kept, and replacing it as a whole (os/files/latest-heartbeat.ts reads it).

import { open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { StoredHeartbeat } from "../../contract/host-document.ts";
import { isName } from "../../contract/names.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { briefOf, type HostBrief, type Unreadable, unreadableBrief } from "../../fleet/view.ts";
import { failpoint } from "../../os/failpoint.ts";
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
  const files = await readdir(dir).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  });
  const names = await mapInTurns(files, NAMES_PER_TURN, (file) => {
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
    const facts = await stat(join(dir, `${host}${suffix}`)).catch(() => null);
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
  const handle = await open(temp, "w", 0o640);
  try {
    settleNew(handle.fd, temp, 0o640);
    await handle.writeFile(encodeLatest(document));
  } finally {
    await handle.close();
  }
  failpoint("receiver.before-heartbeat-rename");
  await rename(temp, latestPath(dir, host));
  failpoint("receiver.after-heartbeat-rename");
  // Looked for each time: a kill may have left it, and who removes the other one would have that host back.
  await rm(join(dir, `${host}${OLDER}`), { force: true });
}
