// What a connection's failure means that every channel may meet, and what mends it. Pure.

import { type Finding, type Fix, inWords } from "../../../core/finding.ts";
import { quoted } from "../../../core/text/fields.ts";

export interface ConnectionFailure {
  /** What the system or the TLS library calls it; null: nothing. */
  code: string | null;
  message: string;
  /** It has taken the connection, and nothing ever came. */
  isMute: boolean;
}

/** Where it was to lead, as the configuration says it. */
export interface Way {
  /** The setting that names the other side. */
  key: "url" | "server" | "ping_url";
  host: string;
  /** Null: none is named; undefined: none can be. */
  caBundle: string | null | undefined;
}

interface Row {
  is: RegExp;
  what?: (message: string, way: Way) => string;
  fix: (way: Way) => Fix;
}

/** The first that fits. */
const ROWS: readonly Row[] = [
  {
    is: /ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate|altnames/i,
    what: (message, { host }) => `its certificate is not of ${host}: ${message}`,
    fix: ({ key }) => inWords(`name it in ${key} as its certificate does`),
  },
  { is: /CERT_HAS_EXPIRED|certificate has expired/i, fix: () => inWords("have its certificate renewed") },
  {
    is: /SELF_SIGNED|self.signed|UNABLE_TO_(GET_ISSUER|VERIFY)|unable to (get|verify)|issuer/i,
    what: (message) => `nobody known has signed its certificate: ${message}`,
    fix: ({ key, caBundle }) => inWords(authorityFix(key, caBundle)),
  },
  {
    is: /ENOTFOUND|EAI_AGAIN|EDNS|getaddrinfo/,
    what: (message, { host }) => `the name ${host} is not known: ${message}`,
    fix: ({ key }) => inWords(`mend ${key}, or this machine's resolver`),
  },
  {
    is: /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|no answer within/,
    fix: ({ key }) => inWords(`mend ${key}, or let this machine reach it`),
  },
];

function authorityFix(key: string, caBundle: string | null | undefined): string {
  if (caBundle === undefined) return `${key} needs a certificate of an authority that everybody knows`;
  if (caBundle === null) return "name its authority's certificate in ca_bundle";
  return `${caBundle} must hold the certificate of the authority that signed`;
}

/** What listens there is not reached in vain: it is another service, or it hangs. */
const MUTE: Readonly<Record<Way["key"], Fix>> = {
  url: inWords("see whether what listens there hangs, or name another port in url"),
  ping_url: inWords("see whether what listens there hangs, or name another port in ping_url"),
  server: inWords('name in server the port of its SMTP: 587 for tls = "starttls", 465 for "implicit", 25 for "none"'),
};

/** Says it, with what mends it; null: no row fits. */
export function explainConnection({ code, message, isMute }: ConnectionFailure, way: Way): Finding | null {
  if (isMute) return { what: `it takes the connection, and says nothing: ${quoted(message)}`, fix: MUTE[way.key] };
  const row = ROWS.find(({ is }) => is.test(`${code} ${message}`));
  if (row === undefined) return null;
  return { what: row.what?.(quoted(message), way) ?? plainFailure({ code, message }), fix: row.fix(way) };
}

/** In the system's own words. */
export function plainFailure({ code, message }: Pick<ConnectionFailure, "code" | "message">): string {
  return code === null || message.startsWith(code) ? quoted(message) : `${code}: ${quoted(message)}`;
}
