// Bytes that a process printed, as text: what is no UTF-8 is replaced and said, a cut falls between characters. Pure.

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
