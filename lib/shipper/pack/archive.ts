// An episode's directory as deterministic tar blocks: the same episode gives the same bytes on every host and in every
// release (tests/shipper/pack/archive.test.ts holds the digest of one). Names, contents, file times in whole seconds and the
// executable bit go in; no owner, no other mode, and for directories the marker's time. Format 2 keeps times before 1970 and after
// 2242, where format 1 took the nearest; an episode without such times has the same bytes in both, and is of format 1.

import { closeSync, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { MARKER } from "../../contract/places.ts";
import { firstFormatTime, isFirstFormatTime, TAR_END, tarHeader, tarPadding } from "../../core/tar.ts";
import { nextData } from "../../os/file-calls.ts";
import { shortName } from "../episode/byte-name.ts";
import { bytePath, openRegular, SourceChanged, STAT_BLOCK, type Tree, type TreeEntry } from "../episode/tree-walk.ts";

export interface ArchiveSource {
  /** The episode's directory. */
  root: string;
  /** The name under which everything stands in the archive. */
  id: string;
  tree: Tree;
  /** As an older release packed it; else as it is packed now. */
  isFirstFormat?: boolean;
  /** Takes a file's bytes as they pass, for its digests; null where nobody asks for them. */
  onFile: (path: string) => { update(chunk: Uint8Array): void; end(): void } | null;
}

/** Buffers to fill: `take` gives one of the block size; whoever got a block gives it back when done. */
export interface BlockPool {
  take(): Buffer<ArrayBuffer>;
  /** A block of nothing but zeros, which is yielded wherever one is due; never to be written to, nor given back. */
  readonly zeros: Buffer<ArrayBuffer>;
}

/**
 * The tar of an episode in blocks of the pool's size; only the last is shorter.
 * @throws SourceChanged when a file is not as long as the walk saw it
 */
export function* tarBlocks(source: ArchiveSource, pool: BlockPool): Generator<Buffer<ArrayBuffer>> {
  const marker = source.tree.entries.find((entry) => entry.path === MARKER);
  const out = new BlockFiller(pool);
  for (const entry of source.tree.entries) {
    const name = entry.path === "" ? source.id : `${source.id}/${entry.path}`;
    const mtimeS = entry.kind === "file" ? entry.mtimeS : (marker?.mtimeS ?? 0);
    yield* out.bytes(tarHeader({ ...entry, name, mtimeS: source.isFirstFormat ? firstFormatTime(mtimeS) : mtimeS }));
    if (entry.kind === "file") yield* fileBlocks(source, entry, out);
  }
  yield* out.zeros(TAR_END);
  const rest = out.rest();
  if (rest.length > 0) yield rest;
}

/** Whether both formats give an episode the same bytes. */
export function isFirstFormat({ entries }: Tree): boolean {
  return entries.every(({ mtimeS }) => isFirstFormatTime(mtimeS));
}

/** Blocks hashed between two turns of the event loop. */
const HASHED_A_TURN = 8;
const HASH_BLOCK = 1024 * 1024;

/** The digest of an episode's tar as an older release packed it. @returns null when it was called off */
export async function firstFormatDigest(
  source: Omit<ArchiveSource, "onFile">,
  { moved, cancelled }: { moved: () => void; cancelled: () => boolean },
): Promise<string | null> {
  const hash = new Bun.CryptoHasher("sha256");
  const block = Buffer.allocUnsafeSlow(HASH_BLOCK);
  const pool = { take: () => block, zeros: Buffer.alloc(HASH_BLOCK) };
  let count = 0;
  for (const filled of tarBlocks({ ...source, isFirstFormat: true, onFile: () => null }, pool)) {
    hash.update(filled);
    if (++count % HASHED_A_TURN !== 0) continue;
    if (cancelled()) return null;
    moved();
    await nextTurn();
  }
  return hash.digest("hex");
}

function* fileBlocks(source: ArchiveSource, entry: TreeEntry, out: BlockFiller): Generator<Buffer<ArrayBuffer>> {
  const { fd, stats } = openRegular(bytePath(source.root, entry.path));
  const sink = source.onFile(entry.path) ?? undefined;
  const hasHoles = stats.blocks * STAT_BLOCK < stats.size;
  try {
    for (let at = 0; at < entry.size; ) {
      // A hole is not read: it may be larger than all disks.
      const data = hasHoles ? nextData(fd, at) : { from: at, to: entry.size };
      const hole = Math.min(data?.from ?? stats.size, entry.size) - at;
      yield* out.zeros(hole, sink);
      at += hole;
      for (const end = Math.min(data?.to ?? at, entry.size); at < end; ) {
        const room = out.room(end - at);
        const count = readSync(fd, room, 0, room.length, at);
        if (count === 0) throw shorter(entry);
        sink?.update(room.subarray(0, count));
        yield* out.filled(count);
        at += count;
      }
      if (data === null && at < entry.size) throw shorter(entry);
    }
    sink?.end();
  } finally {
    closeSync(fd);
  }
  yield* out.zeros(tarPadding(entry.size));
}

function shorter(entry: TreeEntry): SourceChanged {
  return new SourceChanged(`${shortName(entry.path)} became shorter while it was packed`);
}

/** Fills blocks one after the other and yields each when it is full. */
class BlockFiller {
  private block: Buffer<ArrayBuffer>;
  private used = 0;

  constructor(private readonly pool: BlockPool) {
    this.block = pool.take();
  }

  /** Up to `most` bytes of the present block, to be read into. */
  room(most: number): Buffer<ArrayBuffer> {
    return this.block.subarray(this.used, Math.min(this.block.length, this.used + most));
  }

  *filled(count: number): Generator<Buffer<ArrayBuffer>> {
    this.used += count;
    if (this.used < this.block.length) return;
    yield this.block;
    this.block = this.pool.take();
    this.used = 0;
  }

  *bytes(data: Buffer): Generator<Buffer<ArrayBuffer>> {
    for (let at = 0; at < data.length; ) {
      const count = data.copy(this.room(data.length - at), 0, at);
      yield* this.filled(count);
      at += count;
    }
  }

  /** Zeros, of which whole blocks are the pool's one: they cost no memory, and whoever gets them knows them. */
  *zeros(count: number, sink?: { update(chunk: Uint8Array): void }): Generator<Buffer<ArrayBuffer>> {
    const { zeros } = this.pool;
    for (let left = count; left > 0; ) {
      const isWhole = this.used === 0 && left >= this.block.length;
      const size = Math.min(left, this.block.length - this.used);
      sink?.update(zeros.subarray(0, size));
      if (isWhole) yield zeros;
      else {
        this.room(size).fill(0);
        yield* this.filled(size);
      }
      left -= size;
    }
  }

  rest(): Buffer<ArrayBuffer> {
    return this.block.subarray(0, this.used);
  }
}
