// Can an episode be stored now? Asked of the disk the way an upload asks it, through the same queue: a disk that hangs, or
// one that no request comes through to, answers late here too. Anyone may ask, so the disk is touched once a second at most.

import { accessSync, constants, statfsSync } from "node:fs";
import { join } from "node:path";
import { errorCode, errorText } from "../../core/failure.ts";
import { type Fix, here, lineFix } from "../../core/finding.ts";
import { whatFills } from "../../core/linux/disk-refusal.ts";
import { formatSeconds } from "../../core/text/quantity.ts";
import { mountPointOf, whyDiskRefuses } from "../../os/files/disk-refusal.ts";
import type { Presence } from "../disk/presence.ts";
import type { NotReady } from "../episode-store.ts";
import { roomOf, type Shortage, shortOf } from "../room.ts";
import { type Disk, realDisk } from "./files/disk.ts";

/** An answer is as good for so long. */
const FRESH_MS = 1000;
/** A write of one byte that takes longer than this is no disk that takes episodes. */
const PATIENCE_MS = 2000;

export interface ReadinessParts {
  dataRoot: string;
  /** Where uploads begin. */
  incoming: string;
  /** Kept free, bytes. */
  reserveBytes: () => number;
  /** Whether the store is there at all. */
  presence?: Presence;
  disk?: Disk;
  /** A clock in milliseconds that never jumps. */
  now?: () => number;
  patienceMs?: number;
}

/** Returns a function that says why no episode can be stored, or null. */
export function createReadiness(parts: ReadinessParts): () => Promise<NotReady | null> {
  const { now = () => performance.now(), patienceMs = PATIENCE_MS } = parts;
  let last: { atMs: number; why: NotReady | null } = { atMs: Number.NEGATIVE_INFINITY, why: null };
  let probe: { sinceMs: number; done: Promise<NotReady | null> } | null = null;
  const begin = (): { sinceMs: number; done: Promise<NotReady | null> } => {
    const sinceMs = now();
    const done = whyNot(parts).then((why) => {
      const tookMs = now() - sinceMs;
      last = { atMs: now(), why: why ?? (tookMs > patienceMs ? slow(`took ${formatSeconds(tookMs / 1000)}`) : null) };
      probe = null;
      return last.why;
    });
    return { sinceMs, done };
  };
  return async () => {
    if (now() - last.atMs < FRESH_MS) return last.why;
    probe ??= begin();
    const { done, sinceMs } = probe;
    const late = () => slow(`has not ended for ${formatSeconds((now() - sinceMs) / 1000)}`);
    return withinTime(done, Math.max(0, sinceMs + patienceMs - now()), late);
  };
}

/** The kernel's word first. Both are on every Debian, which iostat is not. */
const BUSY: Fix = {
  text: "see what the kernel says of it, and what keeps it busy",
  commands: [here("sudo", "dmesg", "--level=err,warn"), here("vmstat", "5", "2")],
};

function slow(how: string): NotReady {
  const why = `the disk is too slow, or does not get its turn: a write of one byte ${how}`;
  return { kind: "slow", why, fix: BUSY };
}

/** What the disk says without being written to; null: nothing against it. Costs two system calls and no wear. */
export function glance(parts: ReadinessParts): NotReady | null {
  const { dataRoot, incoming, reserveBytes, presence } = parts;
  try {
    const missing = presence?.missing() ?? null;
    if (missing !== null) return missing;
    const short = shortOf(roomOf(statfsSync(dataRoot)), reserveBytes());
    if (short !== null) return { kind: short.of, why: short.what, fix: roomFix(short, dataRoot) };
    accessSync(incoming, constants.W_OK);
    return null;
  } catch (error) {
    return refused(parts, error);
  }
}

/** Never rejects. */
async function whyNot(parts: ReadinessParts): Promise<NotReady | null> {
  const { incoming, disk = realDisk } = parts;
  const seen = glance(parts);
  if (seen !== null) return seen;
  try {
    await writeByte(disk, join(incoming, ".ready"));
    return null;
  } catch (error) {
    return refused(parts, error);
  }
}

/** What shows what fills the disk of a data root. */
export function roomFix({ of }: Pick<Shortage, "of">, dataRoot: string): Fix {
  return lineFix(`see what fills it: ${whatFills(mountPointOf(dataRoot), of)}`);
}

function refused({ dataRoot, incoming }: ReadinessParts, error: unknown): NotReady {
  const code = errorCode(error);
  if (code === null) return { kind: "refused", why: errorText(error), fix: null };
  // What is read-only is so for all of the root, and mended for all of it.
  const { what, fix } = whyDiskRefuses(code === "EROFS" ? dataRoot : incoming, code);
  return { kind: "refused", why: `the data root cannot be written: ${what} (${code})`, fix };
}

async function writeByte(disk: Disk, path: string): Promise<void> {
  await disk.remove(path); // that of a receiver that was killed
  const fd = await disk.create(path);
  try {
    await disk.write(fd, new Uint8Array(1), 0);
    await disk.flush(fd);
  } finally {
    await disk.close(fd);
    await disk.remove(path);
  }
}

function withinTime<T>(done: Promise<T>, limitMs: number, late: () => T): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const out = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late()), limitMs);
  });
  return Promise.race([done, out]).finally(() => clearTimeout(timer));
}
