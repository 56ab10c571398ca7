// The tar of an episode as zstd frames in a file, with the digests of both. Frames are compressed side by side by Bun's own
// threads. A stretch of zeros costs one digest and nothing else: it is neither read, nor compressed, nor copied.

import { closeSync, constants, statfsSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { cleared } from "../../os/files/files.ts";
import { makeNew } from "../../os/files/owner.ts";
import { type ArchiveSource, type BlockPool, tarBlocks } from "./archive.ts";
import type { PackHooks, PackJob, Written } from "./job.ts";

/** zstd level: what `zstd` itself uses by default. */
const LEVEL = 3;
/** Uncompressed bytes of a zstd frame. Frames are compressed side by side; 1 MiB costs below 1 % of the ratio. */
const FRAME_BYTES = 1024 * 1024;
/** Frames in compression at once, of all episodes together; each has one at least. */
const FRAMES_IN_FLIGHT = 3;
/** Free space is looked at again after about so many bytes written. */
export const SPACE_CHECK_BYTES = 64 * 1024 * 1024;
/** Compressed frames lie outside the heap, so nothing presses the collector: without it 8 GB peaked at 147 MB. */
const COLLECT_BYTES = 32 * 1024 * 1024;
/** Frames of zeros between two turns of the event loop: other episodes are packed meanwhile, and a stop is heard. */
const ZEROS_A_TURN = 4;

const ZEROS = Buffer.alloc(FRAME_BYTES);
let zeroFrame: Promise<Uint8Array> | null = null;
/** Episodes that are being packed in this thread. */
let episodes = 0;
/** Compressed since the collector ran, bytes. */
let uncollected = 0;

/** Packs an episode's tree into the job's part. @throws SourceChanged, or the file system's error */
export async function writeArchive(
  job: PackJob,
  source: ArchiveSource,
  hooks: PackHooks,
): Promise<Written | "cancelled" | "no-space"> {
  const pool = createPool();
  const treeHash = new Bun.CryptoHasher("sha256");
  const hash = new Bun.CryptoHasher("sha256");
  const inFlight: { block: Buffer<ArrayBuffer>; frame: Promise<Uint8Array> }[] = [];
  const fd = await cleared(job.part, () => makeNew(job.part, constants.O_WRONLY, 0o640));
  episodes++;
  let bytes = 0;
  let treeBytes = 0;
  let spaceCheckedAt = 0;
  let zeros = 0;
  const writeOldest = async (): Promise<void> => {
    const oldest = inFlight.shift();
    if (oldest === undefined) return;
    const frame = await oldest.frame;
    pool.give(oldest.block);
    hash.update(frame);
    writeAll(fd, frame);
    bytes += frame.length;
    collectSometimes(frame.length);
  };
  try {
    for (const block of tarBlocks(source, pool)) {
      if (hooks.cancelled()) return "cancelled";
      treeHash.update(block);
      inFlight.push({ block, frame: compress(block) });
      treeBytes += block.length;
      while (inFlight.length >= Math.max(1, Math.ceil(FRAMES_IN_FLIGHT / episodes))) await writeOldest();
      if (block === ZEROS && ++zeros % ZEROS_A_TURN === 0) await nextTurn();
      // Heads and padding are no bytes of the episode's.
      hooks.moved({ doneBytes: Math.min(treeBytes, source.tree.bytes), bytes: source.tree.bytes });
      if (bytes - spaceCheckedAt < SPACE_CHECK_BYTES) continue;
      if (!hasRoomFor(job, 0)) return "no-space";
      spaceCheckedAt = bytes;
    }
    while (inFlight.length > 0) await writeOldest();
  } finally {
    await Promise.allSettled(inFlight.map(({ frame }) => frame));
    closeSync(fd);
    episodes--;
  }
  return { bytes, sha256: hash.digest("hex"), treeSha256: treeHash.digest("hex"), treeBytes };
}

function collectSometimes(bytes: number): void {
  uncollected += bytes;
  if (uncollected < COLLECT_BYTES) return;
  uncollected = 0;
  Bun.gc(true);
}

/** Whether so many bytes can be written and the reserve be kept. */
export function hasRoomFor(job: PackJob, bytes: number): boolean {
  const { bavail, bsize } = statfsSync(dirname(job.part));
  return bavail * bsize - bytes >= job.reserveBytes;
}

/** A frame; that of zeros, be they a hole or written ones, is made once: the same bytes give the same frame. */
function compress(block: Buffer<ArrayBuffer>): Promise<Uint8Array> {
  if (block !== ZEROS && !block.equals(ZEROS)) return Bun.zstdCompress(block, { level: LEVEL });
  zeroFrame ??= Bun.zstdCompress(ZEROS, { level: LEVEL });
  return zeroFrame;
}

/** Blocks are used again as soon as they are compressed: a garbage collector sees them too late. */
function createPool(): BlockPool & { give(block: Buffer<ArrayBuffer>): void } {
  const free: Buffer<ArrayBuffer>[] = [];
  return {
    zeros: ZEROS,
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(FRAME_BYTES),
    give: (block) => {
      if (block.length === FRAME_BYTES && block !== ZEROS) free.push(block);
    },
  };
}

function writeAll(fd: number, data: Uint8Array): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at, data.length - at);
}
