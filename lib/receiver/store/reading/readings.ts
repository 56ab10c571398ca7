// What is known of archives that were read whole: the digest of each, or why it could not be read. True for a while, and only as
// long as the file is the very same. In memory alone: a start knows nothing, and reads again.

import type { BigIntStats } from "node:fs";

/** So many are known at a time; of more the oldest reading is forgotten. */
const KNOWN_MAX = 20_000;
/** Bytes may rot on a disk without any time of the file moving: after so long they are read again, milliseconds. */
const DIGEST_MS = 24 * 3_600_000;
/** What a disk refused it may give later; a host asks again each hour, and must find the failure that it did not wait for. */
const FAILURE_MS = 2 * 3_600_000;

/** What a reading came to. */
export type Reading = { sha256: string } | { error: Error };

/** What tells a file from another one, and from itself before a write or a chmod: ctime cannot be set back. */
export function fileKey({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
}

/** Readings by path. Pure but for what it remembers: the time is an argument, by a clock that never jumps. */
export class Readings {
  private readonly known = new Map<string, { key: string; reading: Reading; atMs: number }>();

  constructor(private readonly max = KNOWN_MAX) {}

  /** What a reading of this very file came to, or null: it was not read, or not lately. */
  of(path: string, key: string, nowMs: number): Reading | null {
    const known = this.known.get(path);
    if (known === undefined || known.key !== key) return null;
    const validMs = "error" in known.reading ? FAILURE_MS : DIGEST_MS;
    return nowMs - known.atMs < validMs ? known.reading : null;
  }

  add(path: string, key: string, reading: Reading, nowMs: number): void {
    // Made anew, so that the order is that of the readings.
    this.known.delete(path);
    this.known.set(path, { key, reading, atMs: nowMs });
    if (this.known.size <= this.max) return;
    const [oldest] = this.known.keys();
    if (oldest !== undefined) this.known.delete(oldest);
  }
}
