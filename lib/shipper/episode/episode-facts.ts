// What stands against reading or moving an episode, asked of the kernel: owner, mode, attributes, mounts, our own rights.
// Only when something was refused, or is about to be.

import { constants, lstatSync, type Stats } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode, errorText } from "../../core/failure.ts";
import type { Finding } from "../../core/finding.ts";
import { isUnreadable } from "../../core/reading.ts";
import { formatFields, quoted } from "../../core/text/fields.ts";
import { attributesOf } from "../../os/file-calls.ts";
import { whyDiskRefuses } from "../../os/files/disk-refusal.ts";
import { readText } from "../../os/process/proc.ts";
import { readUserNames } from "../../os/process/process-table.ts";
import { type LocalFault, localFinding } from "../words/remedies.ts";
import { shortName } from "./byte-name.ts";
import { type EpisodeFacts, explainHindrance, type Hindrance } from "./hindrance.ts";
import { isMountedEpisodes, splitRoot } from "./split-root.ts";
import { bytePath } from "./tree-walk.ts";

/** Bits of a capability set (capabilities(7)). */
const CAP_DAC_OVERRIDE = 1n << 1n;
const CAP_FOWNER = 1n << 3n;
const S_ISVTX = 0o1000;

/**
 * Why an episode could not be read.
 * @param below what was refused in it, one character a byte (latin1); "" for its directory
 * @param code the errno
 */
export function whyNotRead(root: string, below: string, code: string): Hindrance {
  return explain(root, below, "read", code);
}

/** Why an episode could not be moved. */
function whyNotMoved(root: string, code: string): Hindrance {
  if (code === "EROFS") return whyDisk(root, code);
  return (code === "EXDEV" ? splitRoot(root) : null) ?? explain(root, "", "move", code);
}

/**
 * Why an episode could not be moved where its answer says.
 * @param error what the file system threw
 */
export function whyNotSettled(root: string, to: string, error: unknown): Hindrance {
  const code = errorCode(error) ?? "";
  // The rename itself, or our document in it; anything else is no matter of rights.
  if (["EACCES", "EPERM", "EROFS", "EXDEV", "EBUSY"].includes(code)) return whyNotMoved(root, code);
  return { reason: `cannot move the episode to ${to}/: ${quoted(errorText(error))}`, fix: null };
}

/**
 * What would keep this process from moving a directory to another parent; null when nothing would. Asks by making a file
 * without a name in it: access(2) would judge by the real user and forget our capabilities.
 */
export async function hindranceToMove(root: string): Promise<Hindrance | null> {
  if (isMountedEpisodes(root)) return splitRoot(root);
  const { immutable, appendOnly, isMountPoint } = attributesOf(root);
  const isKept = immutable || appendOnly || isMountPoint || isPinnedByParent(root);
  const code = (await refusalToWrite(root)) ?? (isKept ? "EPERM" : null);
  return code === null ? null : whyNotMoved(root, code);
}

/** What this host's own disk or rights refused, outside the expected places. */
export function localFaultOf(error: unknown): LocalFault {
  const path = typeof error === "object" && error !== null && "path" in error ? String(error.path) : null;
  return localFault(errorText(error), errorCode(error), path);
}

/** `stays in shipped/: "EPERM: …" episode=ep1`: a settled episode that the disk did not let go. */
export function stays(what: string, episode: string, error: unknown): Finding {
  const { what: why, fix } = localFinding(localFaultOf(error));
  return { what: `${what}: ${why}${formatFields({ episode })}`, fix };
}

/** The same from what was told of it. */
export function localFault(detail: string, code: string | null, path: string | null): LocalFault {
  const { immutable, appendOnly } = path === null ? { immutable: false, appendOnly: false } : attributesOf(path);
  return { detail, code, path, isKept: immutable || appendOnly };
}

/** Why the disk that a directory lies on refuses to work, for this episode and for any. */
export function whyDisk(directory: string, code: string): Hindrance {
  const { what, fix } = whyDiskRefuses(directory, code);
  return { reason: what, fix, ofDisk: true };
}

function explain(root: string, below: string, want: "read" | "move", code: string): Hindrance {
  try {
    return explainHindrance(factsOf(root, below), want, code);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    // Nothing is known of it any more: somebody took it away.
    return { reason: `the episode cannot be looked at: ${code}`, fix: null };
  }
}

async function refusalToWrite(directory: string): Promise<string | null> {
  const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
  try {
    await (await open(directory, O_TMPFILE | constants.O_WRONLY, 0o600)).close();
    return null;
  } catch (error) {
    const code = errorCode(error) ?? "";
    // A file system without O_TMPFILE cannot be asked this way; the move itself will tell.
    return ["EACCES", "EPERM", "EROFS"].includes(code) ? code : null;
  }
}

function factsOf(root: string, below: string): EpisodeFacts {
  const { at, stats } = nearest(root, below);
  const names = readUserNames("/");
  const nameOf = (uid: number): string => names.get(uid) ?? String(uid);
  return {
    root,
    what: at === "" ? "the episode" : quoted(shortName(at)),
    owner: nameOf(stats.uid),
    mode: stats.mode,
    ...attributesOf(root),
    isPinnedByParent: isPinnedByParent(root),
    me: nameOf(euid()),
    mayOverride: may(CAP_DAC_OVERRIDE),
  };
}

/** What was refused, or the directory above it that may not even be looked into. */
function nearest(root: string, below: string): { at: string; stats: Stats } {
  for (let at = below; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    try {
      return { at, stats: lstatSync(bytePath(root, at)) };
    } catch (error) {
      if (errorCode(error) === null || at === "") throw error;
    }
  }
}

/** In a sticky directory an entry may be moved by its owner and by the directory's alone. */
function isPinnedByParent(root: string): boolean {
  const parent = lstatSync(dirname(root));
  if ((parent.mode & S_ISVTX) === 0) return false;
  return parent.uid !== euid() && lstatSync(root).uid !== euid() && !may(CAP_FOWNER);
}

function may(capability: bigint): boolean {
  const status = readText("/", "proc/thread-self/status");
  const effective = isUnreadable(status) ? undefined : /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective === undefined ? euid() === 0 : (BigInt(`0x${effective}`) & capability) !== 0n;
}

function euid(): number {
  return process.geteuid?.() ?? 0;
}
