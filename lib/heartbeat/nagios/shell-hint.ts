// Whether a command that is run without a shell was written for one: only as a hint, since `|` and `;` may be meant as
// they stand. Pure.

import { shellWord } from "../../core/text/shell-quote.ts";

/** A word as it is written: quoted parts, escaped characters, and all others but blanks. */
const WRITTEN_WORD = /(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+/gs;
/** What a shell takes as it stands. */
const QUOTED = /'[^']*'|"(?:\\.|[^"\\])*"|\\./gs;

/** What an unquoted word says to a shell; the first row that fits. */
const ROWS: readonly { pattern: RegExp; does: string }[] = [
  { pattern: /^(?:\|\|?|\|&|&)$|&&|;$/, does: "joins commands" },
  { pattern: /^(?:\d*|&)(?:>[>|&]?|<<?<?|<&)/, does: "redirects" },
  { pattern: /\$\(|`/, does: "runs another command" },
];

const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*=/;

/** What a shell would do with a command's text and nobody does without one, in words; null: nothing. */
export function shellHint(text: string): string | null {
  const [first = "", ...others] = text.match(WRITTEN_WORD) ?? [];
  if (ASSIGNMENT.test(first)) return setsVariable(first, "add shell = true");
  for (const written of others) {
    const bare = written.replace(QUOTED, "q");
    const row = ROWS.find(({ pattern }) => pattern.test(bare));
    if (row !== undefined) return `only a shell ${row.does} with ${shellWord(written)}: add shell = true`;
  }
  return null;
}

/** The same for a list of words: every one but the first is meant as it stands. */
export function shellHintOfWords([first = ""]: readonly string[]): string | null {
  return ASSIGNMENT.test(first) ? setsVariable(first, "write the command as one text, with shell = true") : null;
}

/** Names no value: it may be a secret. */
function setsVariable(word: string, fix: string): string {
  return `only a shell sets a variable with ${ASSIGNMENT.exec(word)?.[0] ?? ""}: ${fix}`;
}
