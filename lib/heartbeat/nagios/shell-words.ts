// Splits a command into words by the quoting of the POSIX shell (2.2, Quoting) and does nothing else of a shell: `$x`, `*`,
// `|`, `;`, `>`, `&`, `~` and `#` are characters of words. Pure.

export type Words = { words: string[] } | { error: string };

/** What separates words; all other blanks are characters of them. */
const BLANK = new Set([" ", "\t", "\n"]);
/** What a backslash takes the meaning from within double quotes; before anything else it stands for itself. */
const ESCAPED = new Set(["$", "`", '"', "\\"]);

/**
 * The words of `text`; none for a blank one. The error names a character by its number, from 1: a quote that is not closed,
 * a backslash with nothing behind it, or a NUL, which no argument of a process can hold.
 */
export function splitWords(text: string): Words {
  const chars = [...text];
  const nul = chars.indexOf("\0");
  if (nul >= 0) return { error: `there is a NUL at character ${nul + 1}; no argument can hold one: remove it` };
  const words: string[] = [];
  /** Null between words; an empty pair of quotes is a word. */
  let word: string | null = null;
  for (let at = 0; at < chars.length; ) {
    const char = chars[at] ?? "";
    if (BLANK.has(char)) {
      if (word !== null) words.push(word);
      word = null;
      at++;
      continue;
    }
    const piece = READERS[char]?.(chars, at) ?? { text: char, end: at + 1 };
    if ("error" in piece) return piece;
    if (piece.text !== null) word = (word ?? "") + piece.text;
    at = piece.end;
  }
  if (word !== null) words.push(word);
  return { words };
}

/** Text that belongs to a word, null for a line that goes on in the next, and where reading goes on. */
type Piece = { text: string | null; end: number } | { error: string };
type Reader = (chars: readonly string[], at: number) => Piece;

const READERS: Readonly<Record<string, Reader>> = { "'": singleQuoted, '"': doubleQuoted, "\\": escaped };

function singleQuoted(chars: readonly string[], open: number): Piece {
  const close = chars.indexOf("'", open + 1);
  return close < 0 ? unclosed("'", open) : { text: chars.slice(open + 1, close).join(""), end: close + 1 };
}

function doubleQuoted(chars: readonly string[], open: number): Piece {
  let text = "";
  for (let at = open + 1; at < chars.length; at++) {
    const char = chars[at] ?? "";
    if (char === '"') return { text, end: at + 1 };
    const next = char === "\\" ? chars[at + 1] : undefined;
    const taken = next !== undefined && (ESCAPED.has(next) || next === "\n");
    if (taken) at++;
    text += taken ? (next === "\n" ? "" : next) : char;
  }
  return unclosed('"', open);
}

function escaped(chars: readonly string[], at: number): Piece {
  const next = chars[at + 1];
  if (next === undefined) {
    return { error: `the backslash at character ${at + 1} has nothing behind it; write \\\\ for a backslash` };
  }
  return { text: next === "\n" ? null : next, end: at + 2 };
}

function unclosed(quote: string, open: number): Piece {
  return {
    error: `the ${quote} at character ${open + 1} is not closed; close it, or write \\${quote} for one that is text`,
  };
}
