// What stands in [[notify]] of a mail: through which server, from whom and to whom. Pure.

import { MAIL_TLS, type Mail, type MailTls } from "./channel.ts";

/** As it stands in the configuration. */
export interface MailTable {
  server?: string;
  tls?: string;
  caBundle: string | null;
  user?: string;
  passwordFile: string | null;
  from?: string;
  to?: readonly string[];
}

/** Where a mail server listens when nothing is said: for submission, for submission over TLS, and as of old. */
const PORTS: Readonly<Record<MailTls, number>> = { starttls: 587, implicit: 465, none: 25 };

/** What is wrong with it, in sentences. */
export function mailFaults(table: MailTable): string[] {
  const { server, tls = "starttls", user, passwordFile, caBundle, from, to = [] } = table;
  const faults: string[] = [];
  if (server === undefined || serverOf(server, 0) === null)
    faults.push(`server must be a name and a port such as "mail.example.org:587"${found(server)}`);
  if (!isTls(tls)) faults.push(`tls must be one of ${MAIL_TLS.join(", ")}${found(tls)}`);
  if (from === undefined || !isAddress(from))
    faults.push(`from must be an address such as "labfleet@example.org"${found(from)}`);
  if (to.length === 0) faults.push('to must be a list of addresses such as ["ops@example.org"]');
  for (const one of to)
    if (!isAddress(one)) faults.push(`to must hold addresses such as "ops@example.org"${found(one)}`);
  if ((user === undefined) !== (passwordFile === null)) faults.push("user and password_file go together");
  if (tls === "none" && user !== undefined)
    faults.push('with tls = "none" everybody on the way would read the password: leave user out, or tls');
  if (tls === "none" && caBundle !== null) faults.push('ca_bundle has no use with tls = "none"');
  return faults;
}

function found(value: string | undefined): string {
  return value === undefined ? "" : `, found ${JSON.stringify(value)}`;
}

/** Whether a table that is of another channel says anything of mail. */
export function saysMail({ server, tls, user, passwordFile, from, to }: MailTable): boolean {
  return [server, tls, user, from, to].some((value) => value !== undefined) || passwordFile !== null;
}

/** A table without faults; null: it has some. */
export function mailOf({ server = "", tls = "starttls", user, from = "", to = [], ...files }: MailTable): Mail | null {
  if (!isTls(tls)) return null;
  const place = serverOf(server, PORTS[tls]);
  if (place === null) return null;
  const { caBundle, passwordFile } = files;
  return { ...place, tls, caBundle, user: user ?? null, passwordFile, from, to };
}

function isTls(text: string): text is MailTls {
  return MAIL_TLS.some((one) => one === text);
}

/** `mail.example.org:587`, `192.0.2.1` or `[2001:db8::1]:25`; null: it is none. */
function serverOf(text: string, standard: number): { host: string; port: number } | null {
  const [, six, name, digits] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = six ?? name;
  const port = digits === undefined ? standard : Number(digits);
  const isPort = digits === undefined || (port >= 1 && port <= 65_535);
  return host === undefined || !isPort ? null : { host, port };
}

/** An address alone, without a name beside it. */
function isAddress(text: string): boolean {
  return /^[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)*$/.test(text);
}
