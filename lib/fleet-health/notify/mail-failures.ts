// What a mail server's refusal means, and what mends it. Pure.

import { type Finding, type Fix, inWords } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import type { Mail } from "./channel.ts";

/** How far it came, and what was said. */
export interface MailFailure {
  /** What the system or the TLS library calls it; null: nothing. */
  code: string | null;
  /** What was asked for last: `AUTH PLAIN`, `MAIL FROM`, `RCPT TO`, `DATA`, `STARTTLS`, `CONN`; null: not known. */
  command: string | null;
  /** What the server answered; null: nothing. */
  status: number | null;
  answer: string;
  /** Of what had no answer. */
  message: string;
}

/** So much of an answer is shown. */
const SHOWN = 200;

interface Row {
  is: (failure: MailFailure) => boolean;
  what?: (failure: MailFailure, mail: Mail) => string;
  fix: (mail: Mail) => Fix | null;
}

const asks =
  (pattern: RegExp) =>
  ({ command, status }: MailFailure): boolean =>
    status !== null && pattern.test(command ?? "");
const says =
  (pattern: RegExp) =>
  ({ code, message, status }: MailFailure): boolean =>
    status === null && pattern.test(`${code} ${message}`);

/** The first that fits. */
const ROWS: readonly Row[] = [
  {
    is: asks(/^AUTH/),
    what: (failure, { user }) => `it does not let ${quoted(user ?? "")} log in: ${answered(failure)}`,
    fix: ({ user, passwordFile }) =>
      inWords(
        user === null
          ? "it wants a login: name user and password_file"
          : `write the password into ${passwordFile}; some servers want one that is made for programs`,
      ),
  },
  {
    is: (failure) => failure.status === 530,
    fix: ({ user, tls }) => {
      const wants = [
        ...(user === null ? ["a login: name user and password_file"] : []),
        ...(tls === "none" ? ["tls"] : []),
      ];
      return wants.length === 0 ? null : inWords(`it wants ${wants.join(", or ")}`);
    },
  },
  {
    is: (failure) => failure.status !== null && /STARTTLS/.test(failure.command ?? ""),
    what: (failure) => `it does not encrypt: ${answered(failure)}`,
    fix: NO_STARTTLS,
  },
  { is: says(/STARTTLS/), what: () => "it does not encrypt: it offers no STARTTLS", fix: NO_STARTTLS },
  {
    is: asks(/^MAIL FROM/),
    what: (failure, { from }) => `it takes no mail from ${from}: ${answered(failure)}`,
    fix: () => inWords("name another from, or let it take mail of this collector"),
  },
  {
    is: asks(/^RCPT TO/),
    what: (failure, { to }) => `it takes no mail to ${to.join(", ")}: ${answered(failure)}`,
    fix: () => inWords("name others in to, or let it take mail of this collector for them"),
  },
  {
    is: says(/ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate|altnames/i),
    what: ({ message }, { host }) => `its certificate is not of ${host}: ${quoted(message)}`,
    fix: () => inWords("name it in server as its certificate does"),
  },
  { is: says(/CERT_HAS_EXPIRED|certificate has expired/i), fix: () => inWords("have its certificate renewed") },
  {
    is: says(/SELF_SIGNED|self.signed|UNABLE_TO_(GET_ISSUER|VERIFY)|unable to (get|verify)|issuer/i),
    what: ({ message }) => `nobody known has signed its certificate: ${quoted(message)}`,
    fix: ({ caBundle }) =>
      inWords(
        caBundle === null
          ? "name its authority's certificate in ca_bundle"
          : `${caBundle} must hold the certificate of the authority that signed`,
      ),
  },
  {
    is: says(/WRONG_VERSION|SSL|TLS|EPROTO|Greeting|Invalid greeting/i),
    what: ({ message }, { tls }) => `it does not speak as tls = "${tls}" does: ${quoted(message)}`,
    fix: ({ tls }) =>
      inWords(
        tls === "implicit" ? 'try tls = "starttls", or its other port' : 'try tls = "implicit", or its other port',
      ),
  },
  {
    is: says(/ENOTFOUND|EAI_AGAIN|EDNS|getaddrinfo/),
    what: ({ message }, { host }) => `the name ${host} is not known: ${quoted(message)}`,
    fix: () => inWords("mend server, or this machine's resolver"),
  },
  {
    is: says(/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|no answer within/),
    fix: () => inWords("mend server, or let this machine reach it"),
  },
];

function NO_STARTTLS({ user }: Mail): Fix {
  const plain = user === null ? ', or tls = "none" where nobody else can be on the way' : "";
  return inWords(`set tls = "implicit" with its other port (465)${plain}`);
}

/** Says it, with what mends it; null there: nothing that is known. */
export function explainMail(failure: MailFailure, mail: Mail): Finding {
  const row = ROWS.find(({ is }) => is(failure));
  const plain = failure.status === null ? quoted(failure.message) : answered(failure);
  return { what: `${mail.host}:${mail.port}: ${row?.what?.(failure, mail) ?? plain}`, fix: row?.fix(mail) ?? null };
}

function answered({ status, answer }: MailFailure): string {
  return `it answered ${status}: ${quoted(withoutStatus(answer))}`;
}

function withoutStatus(answer: string): string {
  return answer
    .replace(/^\d{3}[ -]/gm, "")
    .trim()
    .slice(0, SHOWN);
}

/** Some have taken it, and these have not: those it went to will see it, and it is not sent again. */
export function refusedSome(refused: readonly { address: string; answer: string }[]): Finding {
  const each = refused.map(({ address, answer }) => `${address} (${quoted(withoutStatus(answer))})`);
  return {
    what: `it went to the others, and the server takes no mail to ${each.join(", ")}`,
    fix: inWords("name others in to, or let it take mail of this collector for them"),
  };
}
