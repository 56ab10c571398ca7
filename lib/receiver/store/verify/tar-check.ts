// Is this a whole tar, of any writer (ustar, pax, GNU, the old V7)? Only its frame is looked at: headers with their sums,
// lengths, the end. Pure; fed in pieces of any size, and it keeps no more of them than a block.

import { TAR_BLOCK, tarPadding } from "../../../core/tar.ts";
import { counted } from "../../../core/text/quantity.ts";

/** Kinds whose size tells of no bytes that follow: links, devices, directories, FIFOs. */
const BODILESS = new Set([..."123456"]);
/** A pax header that is larger is passed over: only a size of more than 8 GiB would be in it. */
const PAX_BYTES = 65_536;

export class TarCheck {
  private why: string | null = null;
  private readonly block = Buffer.alloc(TAR_BLOCK);
  private held = 0;
  private members = 0;
  /** Bytes of the present member that are still to come, padding included. */
  private left = 0;
  private ended = false;
  /** GNU: before its content the next block goes on with the map of a sparse file. */
  private sparse = false;
  /** Contents of a pax header that is being read. */
  private pax: Buffer[] | null = null;
  /** What a pax header said of the next member's size. */
  private paxSize: number | null = null;

  /** Takes the next bytes. */
  feed(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && this.why === null && !this.ended; ) {
      if (this.left > 0 && !this.sparse) {
        const part = Math.min(this.left, bytes.length - at);
        this.pax?.push(Buffer.from(bytes.subarray(at, at + part)));
        this.left -= part;
        at += part;
        continue;
      }
      const part = bytes.copy(this.block, this.held, at, at + TAR_BLOCK - this.held);
      this.held += part;
      at += part;
      if (this.held < TAR_BLOCK) continue;
      this.held = 0;
      this.take();
    }
  }

  /** Why what was fed is no whole tar, or null. */
  end(): string | null {
    if (this.why !== null || this.ended) return this.why;
    if (this.members === 0) return "it is no tar";
    return `its tar is cut off after ${counted(this.members, "member")}`;
  }

  private take(): void {
    if (this.sparse) {
      this.sparse = this.block[504] === 1;
      return;
    }
    this.readPax();
    if (this.block.every((byte) => byte === 0)) {
      this.ended = true;
      return;
    }
    const size = hasItsSum(this.block) ? sizeOf(this.block) : null;
    if (size === null) {
      this.why = this.members === 0 ? "it is no tar" : `its tar is damaged after ${this.members} members`;
      return;
    }
    this.members++;
    const kind = String.fromCharCode(this.block[156] ?? 0);
    const bytes = BODILESS.has(kind) ? 0 : (this.paxSize ?? size);
    this.paxSize = null;
    this.left = bytes + tarPadding(bytes);
    this.sparse = kind === "S" && this.block[482] === 1;
    if (kind === "x" && this.left <= PAX_BYTES) this.pax = [];
  }

  /** The size that the pax header before this block gives to the member whose header it is. */
  private readPax(): void {
    if (this.pax === null) return;
    const size = /(?:^|\n)\d+ size=(\d{1,15})\n/.exec(Buffer.concat(this.pax).toString("latin1"))?.[1];
    this.paxSize = size === undefined ? null : Number(size);
    this.pax = null;
  }
}

/** Whether a header's checksum is right: the sum of its bytes, itself counted as blanks. Some writers took bytes as signed. */
function hasItsSum(block: Buffer): boolean {
  const told = octalAt(block, 148, 8);
  let unsigned = 0;
  let signed = 0;
  for (const [at, byte] of block.entries()) {
    const value = at >= 148 && at < 156 ? 0x20 : byte;
    unsigned += value;
    signed += value > 127 ? value - 256 : value;
  }
  return told !== null && (told === unsigned || told === signed);
}

/** The size in a header, octal or (GNU) binary; null when it is neither. */
function sizeOf(block: Buffer): number | null {
  if (block[124] !== 0x80) return octalAt(block, 124, 12);
  const size = block.readUIntBE(130, 6);
  return Number.isSafeInteger(size) && block.readUIntBE(125, 5) === 0 ? size : null;
}

function octalAt(block: Buffer, at: number, length: number): number | null {
  const text = block
    .toString("latin1", at, at + length)
    .replace(/\0.*$/s, "")
    .trim();
  if (text === "") return 0;
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : null;
}
