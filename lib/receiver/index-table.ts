// Where in index.jsonl an episode's row stands: an open-addressing table of typed arrays, 16 bytes a slot, two slots a
// row at most when just grown. It holds hashes, not names: whoever looks up reads the row back and compares.

import type { EpisodeAddress } from "../core/names.ts";

/** Grown when more than this share of the slots is taken. */
const FULL = 0.75;

export class IndexTable {
  private lanes: [Uint32Array, Uint32Array];
  /** Byte offset of the row + 1; 0: the slot is free. */
  private offsets: Float64Array;
  private count = 0;
  private low = 0;
  private high = 0;

  /** @param seed any number; drawn at start, so that nobody can choose names that collide */
  constructor(
    private readonly seed: number,
    capacity = 1024,
  ) {
    this.lanes = [new Uint32Array(capacity), new Uint32Array(capacity)];
    this.offsets = new Float64Array(capacity);
  }

  /** Rows in the table. */
  get size(): number {
    return this.count;
  }

  /** Slots in the table: the size of a bit set over them. */
  get capacity(): number {
    return this.offsets.length;
  }

  /** Notes that the row of `address` stands at byte `offset`. */
  insert(address: EpisodeAddress, offset: number): void {
    if (this.count + 1 > this.capacity * FULL) this.grow();
    this.hash(address);
    this.put(this.low, this.high, offset + 1);
    this.count++;
  }

  /** Notes that the newest row of `address` is now the one at byte `offset`: it is not counted a second time. */
  replace(address: EpisodeAddress, offset: number): void {
    const slots = this.slots(address);
    const at = (slot: number): number => this.offsets[slot] ?? 0;
    const [newest] = slots.sort((a, b) => at(b) - at(a));
    if (newest === undefined) this.insert(address, offset);
    else this.offsets[newest] = offset + 1;
  }

  /** Byte offsets of the rows that may be those of `address`, newest first; nearly always none or one. */
  candidates(address: EpisodeAddress): number[] {
    const offsets = this.slots(address).map((slot) => (this.offsets[slot] ?? 0) - 1);
    return offsets.length < 2 ? offsets : offsets.sort((a, b) => b - a);
  }

  /** The slots of equal hash. */
  slots(address: EpisodeAddress): number[] {
    this.hash(address);
    const found: number[] = [];
    const mask = this.capacity - 1;
    for (let slot = this.low & mask; this.offsets[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.lanes[0][slot] === this.low && this.lanes[1][slot] === this.high) found.push(slot);
    }
    return found;
  }

  /** Byte offsets of the rows whose slot's bit is not set in `seen`, at most `most`, and how many there are in all. */
  unseen(seen: Uint8Array, most: number): { offsets: number[]; count: number } {
    const offsets: number[] = [];
    let count = 0;
    for (let slot = 0; slot < this.capacity; slot++) {
      const offset = this.offsets[slot] ?? 0;
      if (offset === 0 || (((seen[slot >> 3] ?? 0) >> (slot & 7)) & 1) === 1) continue;
      count++;
      if (offsets.length < most) offsets.push(offset - 1);
    }
    return { offsets, count };
  }

  /** Two multiply-and-mix lanes over `host/id` (the idea of MurmurHash2A), into `low` and `high`: no allocation. */
  private hash({ host, id }: EpisodeAddress): void {
    let low = this.seed | 0;
    let high = ~this.seed ^ 0x9e3779b9;
    for (let part = 0; part < 2; part++) {
      const text = part === 0 ? host : id;
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        low = Math.imul(low ^ code, 0x85ebca6b);
        low ^= low >>> 15;
        high = Math.imul(high ^ code, 0xc2b2ae35);
        high ^= high >>> 13;
      }
      low = Math.imul(low ^ 0x2f, 0x27d4eb2f);
      high = Math.imul(high ^ 0x2f, 0x165667b1);
    }
    this.low = (low ^ (low >>> 16)) >>> 0;
    this.high = (high ^ (high >>> 16)) >>> 0;
  }

  private put(low: number, high: number, offset: number): void {
    const mask = this.capacity - 1;
    let slot = low & mask;
    while (this.offsets[slot] !== 0) slot = (slot + 1) & mask;
    this.lanes[0][slot] = low;
    this.lanes[1][slot] = high;
    this.offsets[slot] = offset;
  }

  private grow(): void {
    const [lows, highs] = this.lanes;
    const offsets = this.offsets;
    this.lanes = [new Uint32Array(offsets.length * 2), new Uint32Array(offsets.length * 2)];
    this.offsets = new Float64Array(offsets.length * 2);
    for (let slot = 0; slot < offsets.length; slot++) {
      const offset = offsets[slot] ?? 0;
      if (offset !== 0) this.put(lows[slot] ?? 0, highs[slot] ?? 0, offset);
    }
  }
}
