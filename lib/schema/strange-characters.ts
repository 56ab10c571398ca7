// Characters that word processors, chats and web pages put in place of the plain ones, and that are none to TOML. Pure.

/** Each with what is to be written. */
const PLAIN: Readonly<Record<string, string>> = {
  "\u201c": '"',
  "\u201d": '"',
  "\u201e": '"',
  "\u201f": '"',
  "\u2018": "'",
  "\u2019": "'",
  "\u201a": "'",
  "\u201b": "'",
  "\u00a0": "a plain space",
};

/**
 * What to write instead of the character on which a line breaks: the one at the error, or a quote at the line's end, where
 * a string that began with a plain one does not end. Null: none of these. The rest of the line is never shown.
 * @param column where the error is, from 1
 */
export function plainFor(line: string, column: number): string | null {
  const last = line.trimEnd().at(-1) ?? "";
  const found = [line.charAt(column - 1), column > line.trimEnd().length ? last : ""].find((character) =>
    Object.hasOwn(PLAIN, character),
  );
  if (found === undefined) return null;
  const code = found.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  const name = found.trim() === "" ? "a no-break space" : found;
  return `${name} (U+${code}) is not plain: write ${PLAIN[found]}`;
}
