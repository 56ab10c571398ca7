// Takes executables apart into what they share and what each has alone, and keeps each piece once.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { piecePath, type ReleaseExecutable, type ReleasePiece } from "../../lib/contract/release.ts";
import { readExecutable } from "./elf.ts";

/** The ELF header and the table behind it, in which alone the runtimes differ. */
const HEAD_BYTES = 4096;

export class Pieces {
  readonly all: Record<string, ReleasePiece> = {};

  /** @param root the release's directory @param level of gzip, 1 to 9 */
  constructor(
    private readonly root: string,
    private readonly level = 9,
  ) {}

  /** Keeps what an executable consists of. */
  take(path: string, target: string): ReleaseExecutable {
    const bytes = readFileSync(path);
    const { programAt, glibc } = readExecutable(bytes, path);
    const keep = (from: number, to: number): string => this.keep(bytes.subarray(from, to));
    return {
      ...{ tool: basename(path), target, bytes: bytes.length, sha256: sha256(bytes), glibc },
      ...{ head: keep(0, HEAD_BYTES), runtime: keep(HEAD_BYTES, programAt), tail: keep(programAt, bytes.length) },
    };
  }

  private keep(bytes: Uint8Array): string {
    const digest = sha256(bytes);
    if (this.all[digest] !== undefined) return digest;
    const packed = gzipSync(bytes, { level: this.level });
    const path = join(this.root, piecePath(digest));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, packed);
    this.all[digest] = { bytes: bytes.length, gzip_bytes: packed.length, gzip_sha256: sha256(packed) };
    return digest;
  }
}

/** In hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
