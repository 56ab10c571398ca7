// What a mail server's refusal means, and what mends it. Pure.

import { type Finding, type Fix, inWords } from "../../../core/finding.ts";
import { quoted } from "../../../core/text/fields.ts";
import type { Mail } from "../channel.ts";
import { type ConnectionFailure, explainConnection, plainFailure } from "./connection-failures.ts";

/** How far it came, and what was said. */
export interface MailFailure extends ConnectionFailure {
  /** What was asked for last: `AUTH PLAIN`, `MAIL FROM`, `RCPT TO`, `DATA`, `STARTTLS`, `CONN`; null: not known. */
  command: string | null;
  /** What the server answered; null: nothing. */
  status: number | null;
  answer: string;
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
    is: says(/WRONG_VERSION|SSL|TLS|EPROTO|Greeting|Invalid greeting/i),
    what: ({ message }, { tls }) => `it does not speak as tls = "${tls}" does: ${quoted(message)}`,
    fix: ({ tls }) =>
      inWords(
        tls === "implicit" ? 'try tls = "starttls", or its other port' : 'try tls = "implicit", or its other port',
      ),
  },
];

function NO_STARTTLS({ user }: Mail): Fix {
  const plain = user === null ? ', or tls = "none" where nobody else can be on the way' : "";
  return inWords(`set tls = "implicit" with its other port (465)${plain}`);
}

/** Says it, with what mends it; null there: nothing that is known. */
export function explainMail(failure: MailFailure, mail: Mail): Finding {
  const place = `${mail.host}:${mail.port}`;
  const known = failure.status === null ? explainConnection(failure, { ...mail, key: "server" }) : null;
  if (known !== null) return { ...known, what: `${place}: ${known.what}` };
  const row = ROWS.find(({ is }) => is(failure));
  const plain = failure.status === null ? plainFailure(failure) : answered(failure);
  return { what: `${place}: ${row?.what?.(failure, mail) ?? plain}`, fix: row?.fix(mail) ?? lookThere(mail) };
}

function lookThere({ host }: Mail): Fix {
  return inWords(`see in the mail log of ${host} what it misses`);
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
