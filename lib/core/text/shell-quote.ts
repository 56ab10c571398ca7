// Writes words so that a shell reads them back as they are, and so that a line that shows them stays one line: for every
// command that is printed to be run. Reading such words back is no part of it. Pure.

import { printable } from "./printable.ts";

/** What no shell takes for anything but itself; `=` only behind a dash, since `a=b` in front is an assignment. */
const BARE = /^(?:[\w./:@%+,-]+|-[\w./:@%+,=-]+)$/;

/**
 * One word, quoted where it has to be. Bytes that are no text, and characters that would break or steer a terminal's line,
 * are written as `$'\377'`, which bash, zsh, busybox and POSIX 2024 read.
 * @param word text, or the bytes of a file's name
 */
export function shellWord(word: string | Uint8Array): string {
  const text = typeof word === "string" ? word : textOf(word);
  if (text === null || printable(text) !== text) return bytesWord(typeof word === "string" ? utf8(word) : word);
  return BARE.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A command line. */
export function shellLine(words: readonly (string | Uint8Array)[]): string {
  return words.map(shellWord).join(" ");
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function bytesWord(bytes: Uint8Array): string {
  const char = (byte: number): string => {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c;
    // In octal: always three digits, so that one that follows is not taken for a part of it.
    return isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
  };
  return `$'${[...bytes].map(char).join("")}'`;
}
