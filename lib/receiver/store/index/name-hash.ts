// The hash of an episode's name: two multiply-and-mix lanes over `host/id` (the idea of MurmurHash2A), one 32 bits each. Ten million
// names are hashed at a start, so nothing is allocated: the lanes are fields that the next name overwrites.

import type { NamePlaces } from "../../../contract/index-row.ts";
import type { EpisodeAddress } from "../../../contract/names.ts";

export class NameHash {
  /** Of the name that was hashed last, as unsigned numbers. */
  low = 0;
  high = 0;

  /** @param seed any number; drawn at start, so that nobody can choose names that collide */
  constructor(private readonly seed: number) {}

  /** Hashes a name. */
  ofAddress({ host, id }: EpisodeAddress): void {
    this.begin();
    for (let i = 0; i < host.length; i++) this.mix(host.charCodeAt(i));
    this.endPart();
    for (let i = 0; i < id.length; i++) this.mix(id.charCodeAt(i));
    this.endPart();
    this.end();
  }

  /** The same for names that stand in `bytes`: no string is made of them. */
  ofBytes(bytes: Buffer, { hostAt, hostEnd, idAt, idEnd }: NamePlaces): void {
    this.begin();
    for (let i = hostAt; i < hostEnd; i++) this.mix(bytes[i] ?? 0);
    this.endPart();
    for (let i = idAt; i < idEnd; i++) this.mix(bytes[i] ?? 0);
    this.endPart();
    this.end();
  }

  private begin(): void {
    this.low = this.seed | 0;
    this.high = ~this.seed ^ 0x9e3779b9;
  }

  private mix(code: number): void {
    const low = Math.imul(this.low ^ code, 0x85ebca6b);
    this.low = low ^ (low >>> 15);
    const high = Math.imul(this.high ^ code, 0xc2b2ae35);
    this.high = high ^ (high >>> 13);
  }

  /** `a/bc` and `ab/c` are two names. */
  private endPart(): void {
    this.low = Math.imul(this.low ^ 0x2f, 0x27d4eb2f);
    this.high = Math.imul(this.high ^ 0x2f, 0x165667b1);
  }

  private end(): void {
    this.low = (this.low ^ (this.low >>> 16)) >>> 0;
    this.high = (this.high ^ (this.high >>> 16)) >>> 0;
  }
}
