// The pieces of executables: unpacked from where a release is had, or taken from an executable that is here already and has the same
// runtime. Each is proved by its digest before it counts for anything.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { piecePath, type Release } from "../contract/release.ts";
import { errorCode } from "../core/failure.ts";
import { refused } from "./open.ts";
import type { ReleaseSource } from "./source.ts";

/** Where some bytes of a file lie. */
export interface Range {
  path: string;
  from: number;
  bytes: number;
}

const DAMAGED = "take the release anew: it was cut or changed on its way";

export class Pieces {
  /** Those that are on this machine, by their digests. */
  private readonly here = new Map<string, Range>();

  constructor(
    private readonly source: ReleaseSource,
    private readonly release: Release,
  ) {}

  /** How long a piece is, unpacked. */
  bytesOf(digest: string): number {
    return this.release.pieces[digest]?.bytes ?? 0;
  }

  /** Takes a piece from there from now on, if it is what its digest says. @returns whether it is */
  async offer(digest: string, range: Range): Promise<boolean> {
    if (this.here.has(digest)) return true;
    const hash = createHash("sha256");
    try {
      for await (const chunk of bytesOf(range)) hash.update(chunk);
    } catch (error) {
      // One that is not there, or may not be read, is none.
      if (errorCode(error) === null) throw error;
      return false;
    }
    if (hash.digest("hex") !== digest) return false;
    this.here.set(digest, range);
    return true;
  }

  /** Its bytes as they come; what is not what its digest says ends in a UserError, after them. */
  async *read(digest: string): AsyncGenerator<Uint8Array> {
    const range = this.here.get(digest);
    const hash = createHash("sha256");
    for await (const chunk of range === undefined ? this.unpack(digest) : bytesOf(range)) {
      hash.update(chunk);
      yield chunk;
    }
    if (hash.digest("hex") !== digest)
      throw refused(this.source, `${piecePath(digest)} is not what its name says`, DAMAGED);
  }

  private async *unpack(digest: string): AsyncGenerator<Uint8Array> {
    const path = piecePath(digest);
    const piece = this.release.pieces[digest];
    const packed = await this.source.read(path);
    if (packed === null || piece === undefined) throw refused(this.source, `it has no ${path}`, DAMAGED);
    const gunzip = createGunzip();
    // What goes wrong there comes out here.
    pipeline(packed, gunzip, () => {});
    let bytes = 0;
    try {
      for await (const chunk of gunzip as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        // However much more there is, nobody reads it.
        if (bytes > piece.bytes) throw refused(this.source, `${path} has more than it should`, DAMAGED);
        yield chunk;
      }
    } catch (error) {
      if (!/^Z_|^ERR_/.test(errorCode(error) ?? "")) throw error;
      throw refused(this.source, `${path} is damaged`, DAMAGED);
    }
  }
}

function bytesOf({ path, from, bytes }: Range): AsyncIterable<Buffer> {
  return createReadStream(path, { start: from, end: from + bytes - 1, highWaterMark: 1024 ** 2 });
}
