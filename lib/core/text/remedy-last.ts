// Lines that say several things at once: a remedy is pasted to the end of its line, so only one is shown, that of the first
// that has one, and nothing stands behind it. The others have lines of their own elsewhere. Pure.

const MARK = "; fix: ";

interface Parts {
  what: string;
  /** With its mark; empty without one. */
  remedy: string;
}

function partsOf(saying: string): Parts {
  const at = saying.indexOf(MARK);
  return at < 0 ? { what: saying, remedy: "" } : { what: saying.slice(0, at), remedy: saying.slice(at) };
}

/**
 * Several sayings as one line.
 * @param sayings the gravest first, each with or without `; fix: …` at its end
 */
export function remedyLast(sayings: readonly string[], separator: string): string {
  const parts = sayings.map(partsOf);
  const remedy = parts.find((part) => part.remedy !== "")?.remedy ?? "";
  return parts.map(({ what }) => what).join(separator) + remedy;
}

/** A longer remedy is left out whole: of a command that is cut in the middle anything may come. */
const REMEDY_CHARACTERS = 600;

/** What is said, cut to so many characters, with its remedy whole or not at all. */
export function clipSaying(saying: string, max: number): string {
  const { what, remedy } = partsOf(saying);
  const cut = what.length > max ? `${what.slice(0, max)}…` : what;
  return remedy.length > REMEDY_CHARACTERS ? cut : cut + remedy;
}

/** Adds words to what is said, before its remedy. */
export function beforeRemedy(saying: string, words: string): string {
  const { what, remedy } = partsOf(saying);
  return what + words + remedy;
}
