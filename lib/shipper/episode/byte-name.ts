// File names as they are, bytes, one character a byte (latin1), and as a person reads them. Pure.

import { clipMiddle } from "../../core/text/fields.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A name or path in letters; where it is not UTF-8 each byte that is not ASCII is written as `\\xff`: two names never look alike. */
export function readableName(bytes: string): string {
  try {
    return decoder.decode(Buffer.from(bytes, "latin1"));
  } catch {
    return bytes.replace(/[^\0-\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`);
  }
}

/** Longest path in a message, characters: its beginning and its end tell it from others. */
const SHOWN_MAX = 200;

/** The same, to stand within a sentence. */
export function shortName(bytes: string): string {
  return clipMiddle(readableName(bytes), SHOWN_MAX);
}
