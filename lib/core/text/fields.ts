// How values are written into a log line so that nothing in them can pass for a line or a field of its own. Pure.

import { printable } from "./printable.ts";

export type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** What may stand without quotes: no space, no quote, no `=`, no backslash. `systemd(1)` and `signal#35` stay readable. */
const BARE = /^[\w.:/@+,#()[\]-]+$/;
const KEY = /^[\w.-]+$/;

/** A value longer than this is cut, bytes of UTF-8: one of them shall not push the others out of the line. */
const VALUE_BYTES = 4096;

/**
 * `{a: 1, b: "x y"}` as ` a=1 b="x y"`. A value that is not bare is a JSON string, so that it can be read back; null and
 * undefined leave their field out.
 */
export function formatFields(fields: Fields): string {
  let text = "";
  for (const key in fields) {
    const value = fields[key];
    if (value === undefined || value === null) continue;
    text += ` ${KEY.test(key) ? key : key.replace(/[^\w.-]/g, "_")}=${formatValue(String(value))}`;
  }
  return text;
}

/**
 * Text from outside, to stand within a message: a JSON string without any `=`, so that not even a search for `key=` in
 * the line finds a field in it.
 */
export function quoted(text: string): string {
  return printable(JSON.stringify(clip(text, VALUE_BYTES))).replaceAll("=", "\\u003d");
}

/** `text`, or as much of its start as `maxBytes` of UTF-8 hold, and how much is missing. A character stays whole. */
export function clip(text: string, maxBytes: number): string {
  // A UTF-16 unit takes three bytes at most: nearly every line ends here.
  if (text.length * 3 <= maxBytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  if (read === text.length) return text;
  return `${text.slice(0, read)}… (${text.length - read} more characters)`;
}

/** `text`, or its beginning and its end, which together have at most `max` characters. */
export function clipMiddle(text: string, max: number): string {
  if (text.length <= max) return text;
  const half = Math.floor((max - 1) / 2);
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}

function formatValue(text: string): string {
  if (BARE.test(text) && text.length <= VALUE_BYTES) return text;
  return printable(JSON.stringify(clip(text, VALUE_BYTES)));
}
