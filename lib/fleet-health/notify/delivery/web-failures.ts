// What it means that a POST was not taken, and what mends it. Pure.

import { type Finding, type Fix, inWords } from "../../../core/finding.ts";
import { quoted } from "../../../core/text/fields.ts";
import { type ConnectionFailure, explainConnection, plainFailure, type Way } from "./connection-failures.ts";

/** What came of one. `wasSent`: the whole request had gone out, so that it may have been taken. */
export type Posted =
  | { kind: "status"; status: number; text: string }
  | { kind: "failed"; failure: ConnectionFailure; wasSent: boolean };

/** Whether it was taken. */
export function isTaken(posted: Posted): boolean {
  return posted.kind === "status" && posted.status >= 200 && posted.status < 300;
}

/** Where it went. */
export interface Place {
  url: URL;
  key: Way["key"];
  caBundle: string | null | undefined;
  /** What mends an answer that no rule knows; left out: whoever runs it sees. */
  otherwise?: Fix;
}

/** What a server that speaks TLS does to a request that is not encrypted, or says of it; or one that speaks no HTTP. */
const NO_HTTP = /^(ECONNRESET|EPIPE|HPE_)/;
const WANTS_TLS = /\bHTTPS (port|server)\b/i;
const NO_TLS = /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG/i;

/** Says why one was not taken. */
export function explainPosted(posted: Posted, { url, key, caBundle, otherwise }: Place): Finding {
  if (posted.kind === "status")
    return { what: answered(posted), fix: fixOf(posted, url, key) ?? otherwise ?? seeThere(url, key) };
  const { failure } = posted;
  if (url.protocol === "https:" && NO_TLS.test(`${failure.code} ${failure.message}`))
    return {
      what: `it speaks no TLS, and ${key} says https://: ${plainFailure(failure)}`,
      fix: inWords(`name another port in ${key}, or http:// where nobody else can be on the way`),
    };
  const known = explainConnection(failure, { key, host: url.hostname, caBundle });
  const isCut = url.protocol === "http:" && NO_HTTP.test(failure.code ?? "");
  if (known !== null) return known;
  if (failure.code?.startsWith("HPE_") === true)
    return { what: `what listens there speaks no HTTP: ${plainFailure(failure)}`, fix: otherPort(url, key) };
  return { what: plainFailure(failure), fix: isCut ? writeHttps(key) : otherPort(url, key) };
}

/** `it answered 500: "no"`. */
export function answered({ status, text }: { status: number; text: string }): string {
  return `it answered ${status}${text === "" ? "" : `: ${quoted(text.trim())}`}`;
}

function otherPort(url: URL, key: Way["key"]): Fix {
  const orTls = url.protocol === "http:" ? `; if it speaks TLS, write https:// in ${key}` : "";
  return inWords(`name in ${key} the port of a service that speaks HTTP${orTls}`);
}

function writeHttps(key: Way["key"]): Fix {
  return inWords(`if it speaks TLS, write https:// in ${key}`);
}

function fixOf({ status, text }: { status: number; text: string }, url: URL, key: Way["key"]): Fix | null {
  if (url.protocol === "http:" && WANTS_TLS.test(text)) return writeHttps(key);
  if (status === 401 || status === 403) return inWords(key === "ping_url" ? `mend ${key}` : NAME_TOKEN);
  if (status >= 300 && status < 400) return inWords(`name in ${key} where that leads: no redirect is followed`);
  if (status === 404 || status === 405 || status === 410) return inWords(`mend ${key}: there is no such place`);
  if (status === 429) return inWords(`nothing, if it takes the next one: ${url.host} has been sent too much of late`);
  if (status >= 500) return inWords(`look into the log of ${url.host}: the fault is there`);
  return null;
}

function seeThere(url: URL, key: Way["key"]): Fix {
  return inWords(`see in the log of ${url.host} what it misses, or name another place in ${key}`);
}

const NAME_TOKEN = "name its token in token_file, or write a name and a password into url: https://name:password@host/";
