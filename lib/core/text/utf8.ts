// Bytes that a process printed or a person wrote, as text: what is no UTF-8 is replaced and said, a cut falls between
// characters, byte order marks go. Pure.

/**
 * `bytes` as well-formed text without NUL characters. `lossy`: some were no UTF-8, and stand as U+FFFD, or NULs were left
 * out. A byte order mark at the start is no part of the text.
 */
export function decodeOutput(bytes: Uint8Array): { text: string; lossy: boolean } {
  const { text, lossy } = decode(bytes);
  const clean = text.replaceAll("\0", "");
  return { text: clean, lossy: lossy || clean.length < text.length };
}

function decode(bytes: Uint8Array): { text: string; lossy: boolean } {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), lossy: false };
  } catch {
    return { text: new TextDecoder().decode(bytes), lossy: true };
  }
}

/** The same text as UTF-8 without a byte order mark: editors and shells of Windows write one, or UTF-16 behind one. */
export function plainUtf8(bytes: Uint8Array): Uint8Array {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return bytes.subarray(3);
  const encoding = a === 0xff && b === 0xfe ? "utf-16le" : a === 0xfe && b === 0xff ? "utf-16be" : null;
  return encoding === null ? bytes : new TextEncoder().encode(decodeUtf16(bytes.subarray(2), encoding));
}

function decodeUtf16(bytes: Uint8Array, encoding: "utf-16le" | "utf-16be"): string {
  let text = "";
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    const [first = 0, second = 0] = [bytes[at], bytes[at + 1]];
    text += String.fromCharCode(encoding === "utf-16le" ? first | (second << 8) : (first << 8) | second);
  }
  return text;
}

/**
 * The first `max` bytes, or up to three fewer where a character would be cut in two (RFC 3629: one has four at most).
 * Bytes that are no UTF-8 are cut at `max`. A view of `bytes`, not a copy.
 */
export function cutUtf8(bytes: Uint8Array, max: number): Uint8Array {
  if (bytes.length <= max) return bytes;
  for (let at = max; at > max - 4 && at >= 0; at--) {
    const byte = bytes[at] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    return bytes.subarray(0, at + lengthFrom(byte) > max ? at : max);
  }
  return bytes.subarray(0, max);
}

/** How many bytes the character has that starts with `byte`; 1 if none does. */
function lengthFrom(byte: number): number {
  if (byte >= 0xf0) return byte <= 0xf4 ? 4 : 1;
  if (byte >= 0xe0) return 3;
  return byte >= 0xc2 ? 2 : 1;
}

/** `text` cut to at most `maxBytes` of UTF-8, between characters; `…` (three bytes, counted) shows that it was cut. */
export function cutBytes(text: string, maxBytes: number): string {
  const encoder = new TextEncoder();
  if (encoder.encode(text).length <= maxBytes) return text;
  const room = new Uint8Array(maxBytes - 3);
  const { read } = encoder.encodeInto(text, room);
  return `${text.slice(0, read)}…`;
}
