// Lines of a file that grows, read in either direction, a megabyte at a time and given out so: waiting for each line would take longer
// than reading it. A last line without an end is still being written, and is left to the next time.

import type { FileHandle } from "node:fs/promises";

const CHUNK_BYTES = 1024 ** 2;
const NEWLINE = 10;

export interface Line {
  text: string;
  /** With its line break. */
  bytes: number;
  /** Where the file goes on behind it. */
  end: number;
}

/** Some at a time, the whole lines of `file` between two offsets, of which the first is the beginning of one. */
export async function* linesForwards(file: FileHandle, from: number, to: number): AsyncGenerator<Line[]> {
  let buffer = Buffer.allocUnsafe(2 * CHUNK_BYTES);
  let kept = 0;
  for (let at = from; at < to; ) {
    const length = Math.min(CHUNK_BYTES, to - at);
    buffer = withRoom(buffer, kept + length);
    const { bytesRead } = await file.read(buffer, kept, length, at);
    if (bytesRead === 0) return;
    const start = at - kept;
    const bytes = buffer.subarray(0, kept + bytesRead);
    const lines: Line[] = [];
    let line = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, line)) {
      lines.push({ text: bytes.toString("utf8", line, end), bytes: end + 1 - line, end: start + end + 1 });
      line = end + 1;
    }
    yield lines;
    buffer.copyWithin(0, line, bytes.length);
    kept = bytes.length - line;
    at += bytesRead;
  }
}

/** Some at a time, the whole lines of the first `size` bytes, the last one first. */
export async function* linesBackwards(file: FileHandle, size: number): AsyncGenerator<Line[]> {
  let buffer = Buffer.allocUnsafe(2 * CHUNK_BYTES);
  let kept = 0;
  let isWhole = false;
  for (let at = size; at > 0; ) {
    const length = Math.min(CHUNK_BYTES, at);
    at -= length;
    buffer = withRoom(buffer, length + kept);
    buffer.copyWithin(length, 0, kept);
    const { bytesRead } = await file.read(buffer, 0, length, at);
    // Somebody has cut it meanwhile: what is missing is no row.
    buffer.fill(0, bytesRead, length);
    const bytes = buffer.subarray(0, length + kept);
    let end = bytes.length;
    // What stands behind the last line break is no line yet.
    if (!isWhole) {
      end = bytes.lastIndexOf(NEWLINE) + 1;
      if (end === 0 && at > 0) {
        kept = bytes.length;
        continue;
      }
      isWhole = true;
    }
    const lines: Line[] = [];
    while (end > 0) {
      const before = end >= 2 ? bytes.lastIndexOf(NEWLINE, end - 2) : -1;
      if (before < 0 && at > 0) break;
      const line = before + 1;
      lines.push({ text: bytes.toString("utf8", line, end - 1), bytes: end - line, end: at + end });
      end = line;
    }
    yield lines;
    kept = end;
  }
}

/** One buffer does for a whole file, unless a line is longer than it: what it holds is in the larger one, too. */
function withRoom(buffer: Buffer<ArrayBuffer>, bytes: number): Buffer<ArrayBuffer> {
  if (bytes <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafe(2 * bytes);
  buffer.copy(larger);
  return larger;
}
