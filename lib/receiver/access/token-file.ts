// A host's token file as its commands see it: which tokens are in it, since when, which one may go. Pure. Whether a token is
// valid is auth.ts's.

import { shortTime } from "../../core/clock.ts";

/** A token, told from others by the beginning of its hash: that is no secret, and short enough to be typed. */
export interface TokenFacts {
  id: string;
  /** When it was added; null: the file does not say. */
  added: string | null;
  /** When it was last used, to the hour, and never before it was added; null: that was not seen. */
  lastUsed: string | null;
  /** Since when that would have been seen; null: nobody looked. */
  watchedSince: string | null;
}

const ID_DIGITS = 8;
const ENTRY = /^\s*sha256:([0-9a-f]{64})\b/;
const ADDED = /^\s*#\s*added (\d{4}-\d\d-\d\dT[0-9:.]+Z)\s*$/;

/** The id of a token by its hash in hex. */
export function tokenId(hash: string): string {
  return hash.slice(0, ID_DIGITS);
}

/** When the tokens of one host were used, by id, and since when that is noted. */
export interface HostUse {
  since: string | null;
  used: Readonly<Record<string, string>>;
}

/** What a token's file has for it. @param hash its SHA-256, in hex */
export function entryOf(hash: string, nowMs: number): string {
  return `# added ${new Date(nowMs).toISOString()}\nsha256:${hash}\n`;
}

/** The tokens of a file, in its order. */
export function tokensIn(text: string, { since, used }: HostUse = { since: null, used: {} }): TokenFacts[] {
  const tokens: TokenFacts[] = [];
  let added: string | null = null;
  for (const line of text.split("\n")) {
    const hash = ENTRY.exec(line)?.[1];
    if (hash === undefined) {
      added = ADDED.exec(line)?.[1] ?? added;
      continue;
    }
    const id = tokenId(hash);
    tokens.push({ id, added, lastUsed: notBefore(added, used[id] ?? null), watchedSince: since });
    added = null;
  }
  return tokens;
}

/** A use is noted by the hour that it was in, which may have begun before the token was added. */
function notBefore(added: string | null, used: string | null): string | null {
  return added !== null && used !== null && Date.parse(used) < Date.parse(added) ? added : used;
}

/** A file's text without a token and the line that says when it was added. */
export function withoutToken(text: string, id: string): string {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => tokenId(ENTRY.exec(line)?.[1] ?? "") === id);
  if (at < 0) return text;
  const from = at > 0 && ADDED.test(lines[at - 1] ?? "") ? at - 1 : at;
  lines.splice(from, at - from + 1);
  return lines.join("\n");
}

/**
 * The one to revoke when there are too many: one that was never used, else the one that was not used for longest; of equal
 * ones the first in the file, which was added first.
 */
export function toRevoke(tokens: readonly TokenFacts[]): TokenFacts | undefined {
  const when = ({ lastUsed }: TokenFacts): number => (lastUsed === null ? 0 : Date.parse(lastUsed));
  return [...tokens].sort((a, b) => when(a) - when(b))[0];
}

/** When it was last used, in words that claim no more than is known. */
export function useText({ added, lastUsed, watchedSince }: TokenFacts): string {
  if (lastUsed !== null) return `last used ${shortTime(lastUsed)}`;
  if (watchedSince === null) return "last use not known";
  const always = added !== null && Date.parse(added) >= Date.parse(watchedSince);
  return always ? "never used" : `not used since ${shortTime(watchedSince)}`;
}

/** `3f2a9c01 (added 2026-05-01 06:37, never used)` */
export function tokenText(token: TokenFacts): string {
  const since = token.added === null ? "added at an unknown time" : `added ${shortTime(token.added)}`;
  return `${token.id} (${since}, ${useText(token)})`;
}
