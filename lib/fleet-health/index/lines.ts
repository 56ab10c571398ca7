// Lines of a file that grows, read in either direction, a megabyte at a time and given out so: waiting for each line would take longer
// than reading it. Whatever stands in the file, each byte is looked at once, and no more is held than the longest line that may be a row.

import type { FileHandle } from "node:fs/promises";

const CHUNK_BYTES = 1024 ** 2;
/** No row is longer, its break included: ours are some hundred bytes. Longer is garbage, such as the zeros that a power cut leaves. */
export const LINE_BYTES = 4 * 1024 ** 2;
const NEWLINE = 10;

export interface Line {
  /** Null: it is longer than any row. */
  text: string | null;
  /** With its line break. */
  bytes: number;
  /** Where the file goes on behind it. */
  end: number;
}

/**
 * Some at a time, the whole lines of `file` between two offsets, of which the first is the beginning of one. A last line without an end
 * is still being written, and is none.
 */
export async function* linesForwards(file: FileHandle, from: number, to: number): AsyncGenerator<Line[]> {
  // What is kept of a line that has not ended stands at the front, and what is read behind it.
  const buffer = Buffer.allocUnsafe(LINE_BYTES + CHUNK_BYTES);
  let kept = 0;
  let begin = from;
  for (let at = from; at < to; ) {
    const { bytesRead } = await file.read(buffer, kept, Math.min(CHUNK_BYTES, to - at), at);
    if (bytesRead === 0) return;
    const bytes = buffer.subarray(0, kept + bytesRead);
    at += bytesRead;
    const lines: Line[] = [];
    let line = 0;
    for (let stop = bytes.indexOf(NEWLINE, kept); stop >= 0; stop = bytes.indexOf(NEWLINE, line)) {
      const end = at - (bytes.length - stop - 1);
      lines.push(lineOf(bytes, line, stop, begin, end));
      begin = end;
      line = stop + 1;
    }
    yield lines;
    kept = at - begin >= LINE_BYTES ? 0 : bytes.length - line;
    if (line > 0) buffer.copyWithin(0, line, line + kept);
  }
}

/** Some at a time, the whole lines of the first `size` bytes, the last one first. */
export async function* linesBackwards(file: FileHandle, size: number): AsyncGenerator<Line[]> {
  // What is kept of a line whose beginning was not read stands at the back, and what is read before it.
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES + LINE_BYTES);
  let start = buffer.length;
  /** Behind the line to which that belongs; null: no line has ended yet. */
  let end: number | null = null;
  for (let at = size; at > 0; ) {
    const length = Math.min(CHUNK_BYTES, at);
    [at, start] = [at - length, start - length];
    const { bytesRead } = await file.read(buffer, start, length, at);
    // Somebody has cut it meanwhile: what is missing is no row.
    buffer.fill(0, start + bytesRead, start + length);
    const bytes = buffer.subarray(start);
    const lines: Line[] = [];
    let line = bytes.length;
    for (let stop = bytes.lastIndexOf(NEWLINE, length - 1); stop >= 0; stop = lastBefore(bytes, stop)) {
      const begin = at + stop + 1;
      if (end !== null) lines.push(lineOf(bytes, stop + 1, line - 1, begin, end));
      [line, end] = [stop + 1, begin];
    }
    if (at === 0 && end !== null && end > 0) lines.push(lineOf(bytes, 0, line - 1, 0, end));
    yield lines;
    const kept = end !== null && end - at <= LINE_BYTES ? line : 0;
    if (kept === bytes.length) continue;
    buffer.copyWithin(buffer.length - kept, start, start + kept);
    start = buffer.length - kept;
  }
}

/** Of 0 the system's own search would begin at the end once more. */
function lastBefore(bytes: Buffer, at: number): number {
  return at === 0 ? -1 : bytes.lastIndexOf(NEWLINE, at - 1);
}

/** What stands behind the last whole line; null: it is longer than any row. */
export async function restOf(file: FileHandle, from: number, size: number): Promise<string | null> {
  if (size - from >= LINE_BYTES) return null;
  const bytes = Buffer.allocUnsafe(size - from);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
  return bytes.toString("utf8", 0, bytesRead);
}

/** @param begin where the line begins in the file: of one that is too long not all need be in `bytes` */
function lineOf(bytes: Buffer, start: number, stop: number, begin: number, end: number): Line {
  const length = end - begin;
  return { text: length > LINE_BYTES ? null : bytes.toString("utf8", start, stop), bytes: length, end };
}
