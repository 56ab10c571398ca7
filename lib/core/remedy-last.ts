// Lines that say several things at once: a remedy is pasted to the end of its line, so only one is shown, that of the first
// that has one, and nothing stands behind it. The others have lines of their own elsewhere. Pure.

import { type Finding, fixTail } from "./finding.ts";

/**
 * Several findings as one, for one line.
 * @param findings the gravest first
 */
export function remedyLast(findings: readonly Finding[], separator: string): Finding {
  const fix = findings.find((finding) => finding.fix !== null)?.fix ?? null;
  return { what: findings.map(({ what }) => what).join(separator), fix };
}

/** A longer remedy is left out whole, characters with its mark: of a command that is cut in the middle anything may come. */
const REMEDY_CHARACTERS = 600;

/** What is said, cut to so many characters, with its remedy whole or not at all. */
export function clipFinding({ what, fix }: Finding, max: number): Finding {
  const cut = what.length > max ? `${what.slice(0, max)}…` : what;
  return { what: cut, fix: fixTail(fix).length > REMEDY_CHARACTERS ? null : fix };
}

/** Adds words to what is said, before its remedy. */
export function beforeRemedy({ what, fix }: Finding, words: string): Finding {
  return { what: what + words, fix };
}
