// Where in index.jsonl an episode's row stands: open addressing in typed arrays, 16 bytes a slot. It holds hashes, not names:
// whoever looks up reads the row back and compares. It grows by segments (extendible hashing), so that no insert ever moves
// more rows than one segment has: to rehash a table of millions at once would hold up all requests for a second.

import { setImmediate as nextTurn } from "node:timers/promises";
import type { NamePlaces } from "../../../contract/index-row.ts";
import type { EpisodeAddress } from "../../../contract/names.ts";
import { NameHash } from "./name-hash.ts";

/** A segment is split, or while it is small doubled, when more than this share of its slots is taken. */
const FULL = 0.75;
const FIRST_SLOTS = 1024;
/** Slots of a segment at most: 256 KiB, and well under a millisecond to move. */
export const SEGMENT_SLOTS = 16_384;
/** Segments that are looked through between two turns of the event loop: some milliseconds. */
const SLICE = 16;
/** More rows of one name than this are not remembered once their segment is full. */
const SAME_NAME = SEGMENT_SLOTS / 4;

interface Segment {
  /** Its number: slots of all segments are told apart by it. */
  readonly number: number;
  /** So many leading bits of `high` are the same in all of its rows. */
  bits: number;
  count: number;
  lows: Uint32Array;
  highs: Uint32Array;
  /** Byte offset of the row + 1, negative once it is marked; 0: the slot is free. */
  offsets: Float64Array;
}

export class IndexTable {
  /** The segment of each value of the leading `bits` of `high`; one with fewer bits of its own stands there more than once. */
  private directory: Segment[];
  private bits = 0;
  private readonly segments: Segment[] = [];
  private count = 0;
  private readonly hash: NameHash;
  /** A pass over all files is under way: what is added meanwhile is marked from the start. */
  private isPassing = false;
  /** Rows that are marked. Counted, so that nobody has to look through ten million slots to know that none is missing. */
  private marked = 0;
  /** Rows that growing has moved so far. */
  moved = 0;

  /** @param seed any number; drawn at start, so that nobody can choose names that collide */
  constructor(seed: number) {
    this.hash = new NameHash(seed);
    this.directory = [this.addSegment(0, FIRST_SLOTS)];
  }

  /** Rows in the table. */
  get size(): number {
    return this.count;
  }

  /** Slots, at most. */
  get capacity(): number {
    return this.segments.length * SEGMENT_SLOTS;
  }

  /** Notes that the row of `address` stands at byte `offset`. */
  insert(address: EpisodeAddress, offset: number): void {
    this.hash.ofAddress(address);
    this.insertHashed(offset);
  }

  /** The same for names that stand in `bytes`. */
  insertBytes(bytes: Buffer, places: NamePlaces, offset: number): void {
    this.hash.ofBytes(bytes, places);
    this.insertHashed(offset);
  }

  /** Adds a row for the hash that was made last. */
  private insertHashed(offset: number): void {
    const { low, high } = this.hash;
    for (let segment = this.home(high); isFull(segment); segment = this.home(high)) {
      if (this.forgetOldest(offset)) return;
      this.makeRoom(segment);
    }
    put(this.home(high), low, high, this.isPassing ? -(offset + 1) : offset + 1);
    this.count++;
    if (this.isPassing) this.marked++;
  }

  /**
   * Rows of one name cannot be split. So many of them are no episodes, but an index that somebody has written to: the last one
   * holds, and the first is forgotten for it.
   */
  private forgetOldest(offset: number): boolean {
    const same = this.slotsOfHash();
    if (same.length < SAME_NAME) return false;
    const oldest = same.reduce((a, b) => (this.offsetAt(b) < this.offsetAt(a) ? b : a));
    this.setOffset(oldest, offset);
    return true;
  }

  /** Notes that the newest row of `address` is now the one at byte `offset`: it is not counted a second time. */
  replace(address: EpisodeAddress, offset: number): void {
    const [newest] = this.slots(address).sort((a, b) => this.offsetAt(b) - this.offsetAt(a));
    if (newest === undefined) this.insert(address, offset);
    else this.setOffset(newest, offset);
  }

  /** Byte offsets of the rows that may be those of `address`, newest first; nearly always none or one. */
  candidates(address: EpisodeAddress): number[] {
    const offsets = this.slots(address).map((slot) => this.offsetAt(slot));
    return offsets.length < 2 ? offsets : offsets.sort((a, b) => b - a);
  }

  /** Begins a pass over all files, of which there is one in the life of a table. */
  beginPass(): void {
    this.isPassing = true;
  }

  /** Marks the rows of `address`: their file is there. @returns false when there is none */
  mark(address: EpisodeAddress): boolean {
    const slots = this.slots(address);
    for (const slot of slots) {
      const { offsets } = this.segmentOf(slot);
      const offset = offsets[slot % SEGMENT_SLOTS] ?? 0;
      if (offset < 0) continue;
      offsets[slot % SEGMENT_SLOTS] = -offset;
      this.marked++;
    }
    return slots.length > 0;
  }

  /** The slots of equal hash. Their numbers hold until a row is added. */
  private slots(address: EpisodeAddress): number[] {
    this.hash.ofAddress(address);
    return this.slotsOfHash();
  }

  private slotsOfHash(): number[] {
    const { low, high } = this.hash;
    const { number, lows, highs, offsets } = this.home(high);
    const found: number[] = [];
    const mask = offsets.length - 1;
    for (let slot = low & mask; offsets[slot] !== 0; slot = (slot + 1) & mask) {
      if (lows[slot] === low && highs[slot] === high) found.push(number * SEGMENT_SLOTS + slot);
    }
    return found;
  }

  /**
   * Ends the pass.
   * @returns byte offsets of rows that nobody marked, at most `most`, and how many there are in all
   */
  async unmarked(most: number): Promise<{ offsets: number[]; count: number }> {
    const count = this.count - this.marked;
    const found = new Set<number>();
    // More may come at the end meanwhile: a segment that is split, whose rows may be met a second time.
    for (let number = 0; number < this.segments.length && found.size < Math.min(most, count); number++) {
      for (const offset of this.segments[number]?.offsets ?? []) if (offset > 0) found.add(offset - 1);
      if (number % SLICE === SLICE - 1) await nextTurn();
    }
    // Not before: what is added during the search has its file.
    this.isPassing = false;
    return { offsets: [...found].slice(0, most), count };
  }

  private segmentOf(slot: number): Segment {
    return this.segments[Math.floor(slot / SEGMENT_SLOTS)] as Segment;
  }

  private offsetAt(slot: number): number {
    return Math.abs(this.segmentOf(slot).offsets[slot % SEGMENT_SLOTS] ?? 0) - 1;
  }

  /** Another row for a slot; its mark stays. */
  private setOffset(slot: number, offset: number): void {
    const { offsets } = this.segmentOf(slot);
    const at = slot % SEGMENT_SLOTS;
    offsets[at] = (offsets[at] ?? 0) < 0 ? -(offset + 1) : offset + 1;
  }

  /** The segment that a hash belongs to. */
  private home(high: number): Segment {
    return this.directory[leading(high, this.bits)] as Segment;
  }

  private addSegment(bits: number, slots: number): Segment {
    const segment = { number: this.segments.length, bits, count: 0, ...emptySlots(slots) };
    this.segments.push(segment);
    return segment;
  }

  private makeRoom(segment: Segment): void {
    if (segment.offsets.length < SEGMENT_SLOTS) this.double(segment);
    else this.split(segment);
  }

  private double(segment: Segment): void {
    const { lows, highs, offsets } = segment;
    Object.assign(segment, { count: 0, ...emptySlots(offsets.length * 2) });
    this.moveInto(() => segment, lows, highs, offsets);
  }

  /** Half of its rows go to a new segment: those whose next bit is set. */
  private split(segment: Segment): void {
    if (segment.bits === this.bits) {
      this.directory = this.directory.flatMap((each) => [each, each]);
      this.bits++;
    }
    const { lows, highs, offsets } = segment;
    const bits = segment.bits + 1;
    const other = this.addSegment(bits, offsets.length);
    Object.assign(segment, { bits, count: 0, ...emptySlots(offsets.length) });
    for (const [at, each] of this.directory.entries()) {
      if (each === segment && ((at >> (this.bits - bits)) & 1) === 1) this.directory[at] = other;
    }
    this.moveInto((high) => (leading(high, bits) % 2 === 1 ? other : segment), lows, highs, offsets);
  }

  private moveInto(
    home: (high: number) => Segment,
    lows: Uint32Array,
    highs: Uint32Array,
    offsets: Float64Array,
  ): void {
    for (let slot = 0; slot < offsets.length; slot++) {
      const offset = offsets[slot] ?? 0;
      if (offset === 0) continue;
      const high = highs[slot] ?? 0;
      put(home(high), lows[slot] ?? 0, high, offset);
      this.moved++;
    }
  }
}

function isFull({ count, offsets }: Segment): boolean {
  return count + 1 > offsets.length * FULL;
}

function emptySlots(slots: number): Pick<Segment, "lows" | "highs" | "offsets"> {
  return { lows: new Uint32Array(slots), highs: new Uint32Array(slots), offsets: new Float64Array(slots) };
}

/** The leading bits of a hash as a number. */
function leading(high: number, bits: number): number {
  return bits === 0 ? 0 : high >>> (32 - bits);
}

function put(segment: Segment, low: number, high: number, offset: number): void {
  const { lows, highs, offsets } = segment;
  const mask = offsets.length - 1;
  let slot = low & mask;
  while (offsets[slot] !== 0) slot = (slot + 1) & mask;
  lows[slot] = low;
  highs[slot] = high;
  offsets[slot] = offset;
  segment.count++;
}
