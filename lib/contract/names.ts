// Which host and episode names exist, and the one URL they appear in. Pure; both sides check names here.

/** Suffix of every stored or queued archive. */
export const ARCHIVE_SUFFIX = ".tar.zst";

/** Highest length of a host or episode name, in characters (all of them ASCII). */
export const NAME_MAX = 128;

/** The rule in words, for messages. */
export const NAME_RULE = "1 to 128 of A-Z a-z 0-9 . _ -, beginning with a letter or a digit";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Whose token and certificate may read about all hosts. It is no lab host's name. */
export const OPERATOR = "operator";

/** True when `text` may name a host or an episode (docs/protocol.md, “Request”). */
export function isName(text: string): boolean {
  return NAME.test(text);
}

export interface EpisodeAddress {
  host: string;
  id: string;
}

/** `invalid`: an episode URL with a name that may not be; `foreign`: not an episode URL at all. */
export type ParsedPath = { kind: "episode"; address: EpisodeAddress } | { kind: "invalid" } | { kind: "foreign" };

/**
 * Reads a raw request path, exactly as it came over the wire, without a query string.
 * Each name is percent-decoded exactly once, so `%2e%2e`, `%252e` and NUL never reach a file name.
 */
export function parseEpisodePath(rawPath: string): ParsedPath {
  const prefix = "/v1/episodes/";
  if (!rawPath.startsWith(prefix)) return { kind: "foreign" };
  const segments = rawPath.slice(prefix.length).split("/");
  const [rawHost, rawFile] = segments;
  if (segments.length !== 2 || rawHost === undefined || rawFile === undefined) return { kind: "invalid" };
  const host = decodeOnce(rawHost);
  const file = decodeOnce(rawFile);
  if (host === null || file === null || !file.endsWith(ARCHIVE_SUFFIX)) return { kind: "invalid" };
  const id = file.slice(0, -ARCHIVE_SUFFIX.length);
  return isName(host) && isName(id) ? { kind: "episode", address: { host, id } } : { kind: "invalid" };
}

/** Reads the raw path of a judge call, `/v1/judge/<host>/<id>`; null: it is none, or a name in it may not be. */
export function parseJudgePath(rawPath: string): EpisodeAddress | null {
  const prefix = "/v1/judge/";
  if (!rawPath.startsWith(prefix)) return null;
  const [host, id, ...more] = rawPath.slice(prefix.length).split("/").map(decodeOnce);
  if (typeof host !== "string" || typeof id !== "string" || more.length > 0) return null;
  return isName(host) && isName(id) ? { host, id } : null;
}

/** The path of an episode below the receiver's base URL. Names need no escaping: see `isName`. */
export function episodePath({ host, id }: EpisodeAddress): string {
  return `/v1/episodes/${host}/${id}${ARCHIVE_SUFFIX}`;
}

function decodeOnce(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
