// Which HTTP header may carry a commit: one that neither HTTP, nor a proxy, nor our protocol gives a meaning of its own. With one of
// those each upload would be refused, or wait for ever, or be judged by a value that is no commit. Pure.

const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** Whole names, in small letters: HTTP's own (RFC 9110, 9111, 9112, 9530, 6265, 7239), and what proxies add. */
const TAKEN: readonly string[] = [
  ...["age", "allow", "authorization", "cache-control", "connection", "cookie", "date", "digest", "etag", "expect"],
  ...["expires", "forwarded", "from", "host", "http2-settings", "keep-alive", "last-modified", "link", "location"],
  ...["max-forwards", "origin", "pragma", "priority", "range", "referer", "repr-digest", "retry-after", "server"],
  ...["set-cookie", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "vary", "via", "warning"],
  ...["want-content-digest", "want-repr-digest", "www-authenticate", "x-real-ip", "x-request-id"],
];
/** How names of the same kind begin. */
const FAMILIES: readonly string[] = ["accept", "access-control-", "content-", "if-", "proxy-", "sec-", "x-forwarded-"];
/** Our own headers; all but one mean something else. */
const OURS = "x-labfleet-";
const OURS_FOR_COMMITS = "x-labfleet-code-commit";

/** What the name of a commit's header must be that this one is not, to stand after "must be"; null: it is fine. */
export function commitHeaderFault(text: string): string | null {
  if (!NAME.test(text)) return "an HTTP header name";
  const name = text.toLowerCase();
  if (name === OURS_FOR_COMMITS) return null;
  const isTaken = TAKEN.includes(name) || [...FAMILIES, OURS].some((start) => name.startsWith(start));
  return isTaken ? 'a header that HTTP and labfleet do not use themselves, such as "X-Labfleet-Code-Commit"' : null;
}
