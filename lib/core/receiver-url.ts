// What [receiver] url may be, and who can listen on the way to it. Stricter than the URL parser, which mends too much:
// it takes "http:collector", drops blanks, and reads port 0, which a client then takes for "none given". Pure.

/** What a URL must be that this one is not, to stand after "must be"; null: it is fine. */
export function urlFault(text: string): string | null {
  return FAULTS.find(([isFault]) => isFault(text))?.[1] ?? null;
}

const EXAMPLE = 'such as "https://collector.wg:8443"';

/** Host and port of a URL, port with its colon; the host of an IPv6 address in its brackets. */
const AUTHORITY = /^https?:\/\/(\[[^\]/]*\]|[^/:]*)(:[^/]*)?(?:\/|$)/i;

/** In this order: the first that fits is what is said. */
const FAULTS: readonly (readonly [isFault: (text: string) => boolean, rule: string])[] = [
  [(text) => !/^\s*https?:\/\//i.test(text), `an http:// or https:// URL, ${EXAMPLE}`],
  // The parser would drop them, or read a backslash as a slash: what we show would not be what we ask.
  [(text) => /[\s\\\p{Cc}]/u.test(text), "a URL without blanks and backslashes"],
  // A secret in a URL reaches logs and status; HTTP's own way to send it is no token of a receiver.
  [(text) => text.includes("@"), "a URL without user and password: the token belongs in bearer_token_file"],
  [(text) => /[?#]/.test(text), "a URL without query and fragment"],
  [(text) => (AUTHORITY.exec(text)?.[1] ?? "") === "", `a URL with a host, ${EXAMPLE}`],
  [(text) => !isPort(AUTHORITY.exec(text)?.[2]), "a URL with a port from 1 to 65535, or with none"],
  [(text) => !URL.canParse(text), `a URL with a name or an address as its host, ${EXAMPLE}`],
  // Any other path may be a reverse proxy's, and works.
  [
    (text) => /\/v1\/(?:episodes|heartbeats|judge|hosts)\b/.test(text),
    "the collector's base URL: /v1/… is added to it by each tool",
  ],
];

/** @param written with its colon; undefined: the scheme's own. Port 0 is nobody's: Bun would ask port 80 instead. */
function isPort(written: string | undefined): boolean {
  if (written === undefined) return true;
  return /^:\d{1,5}$/.test(written) && Number(written.slice(1)) >= 1 && Number(written.slice(1)) <= 65535;
}

/** Whether what goes to this URL stays on this machine. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return /^127\.[\d.]+$|^localhost$|\.localhost$|^\[::1\]$|^\[::ffff:7f[0-9a-f]{2}:/.test(hostname);
}
