// Can an episode be stored now? Asked of the disk the way an upload asks it, through the same queue: a disk that hangs, or
// one that no request comes through to, answers late here too. Anyone may ask, so the disk is touched once a second at most.

import { statfsSync } from "node:fs";
import { join } from "node:path";
import { errorText } from "../core/failure.ts";
import { formatSeconds } from "../core/units.ts";
import { type Disk, realDisk } from "./disk.ts";
import { roomOf, shortOf } from "./room.ts";

/** An answer is as good for so long. */
const FRESH_MS = 1000;
/** A write of one byte that takes longer than this is no disk that takes episodes. */
const PATIENCE_MS = 2000;

export interface ReadinessParts {
  dataRoot: string;
  /** Where uploads begin. */
  incoming: string;
  diskReserveBytes: number;
  disk?: Disk;
  /** A clock in milliseconds that never jumps. */
  now?: () => number;
  patienceMs?: number;
}

/** Returns a function that says why no episode can be stored, or null. */
export function createReadiness(parts: ReadinessParts): () => Promise<string | null> {
  const { now = () => performance.now(), patienceMs = PATIENCE_MS } = parts;
  let last: { atMs: number; why: string | null } = { atMs: Number.NEGATIVE_INFINITY, why: null };
  let probe: { sinceMs: number; done: Promise<string | null> } | null = null;
  const begin = (): { sinceMs: number; done: Promise<string | null> } => {
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
    return withinTime(done, sinceMs + patienceMs - now(), late);
  };
}

function slow(how: string): string {
  return `the disk is too slow, or does not get its turn: a write of one byte ${how}`;
}

/** Never rejects. */
async function whyNot(parts: ReadinessParts): Promise<string | null> {
  const { dataRoot, incoming, diskReserveBytes, disk = realDisk } = parts;
  try {
    const short = shortOf(roomOf(statfsSync(dataRoot)), diskReserveBytes);
    if (short !== null) return short;
    await writeByte(disk, join(incoming, ".ready"));
    return null;
  } catch (error) {
    return `the data root cannot be written: ${errorText(error)}`;
  }
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
