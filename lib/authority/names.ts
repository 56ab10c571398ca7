// The names that a server's certificate holds for: what hosts may call it, and nothing that a client would take for more than that.

import { isIP } from "node:net";
import { UserError } from "../core/failure.ts";
import { quoted } from "../core/text/fields.ts";

/** A name as it stands in a certificate's SubjectAltName (RFC 5280 §4.2.1.6). */
export interface SubjectName {
  type: "dns" | "ip";
  value: string;
}

/** Of a whole DNS name, in characters (RFC 1035 §2.3.4). */
const DNS_MAX = 253;
/** Letters, digits and hyphens, and no hyphen at an end (RFC 1123 §2.1). */
const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;
const EXAMPLE = "name it as hosts do, such as collector.wg or 10.77.0.11";

/**
 * Checks the names of a server, and writes each in its one form: DNS names in small letters, IPv6 addresses as in RFC 5952. One that
 * is said twice stands there once.
 * @throws UserError for an empty list, a wildcard, and what is neither a DNS name nor an IP address
 */
export function subjectNames(names: readonly string[]): SubjectName[] {
  if (names.length === 0) throw new UserError("a server's certificate needs a name", EXAMPLE);
  const all = new Map(names.map(subjectName).map((name) => [name.value, name]));
  return [...all.values()];
}

function subjectName(name: string): SubjectName {
  const family = isIP(name);
  // With a zone (fe80::1%eth0) it is an address of one machine's own link, and a certificate has no place for that.
  if (family === 6 && !name.includes("%")) return { type: "ip", value: wholeIPv6(name) };
  if (family === 4) return { type: "ip", value: name };
  if (name.length > DNS_MAX)
    throw new UserError(
      `a name of ${name.length} characters is too long: a DNS name has at most ${DNS_MAX}; found ${quoted(name)}`,
      EXAMPLE,
    );
  if (name.includes("*"))
    throw new UserError(`${quoted(name)} is a wildcard: a collector's certificate is for its own names alone`, EXAMPLE);
  if (!isDnsName(name.toLowerCase()))
    throw new UserError(`${quoted(name)} is neither a DNS name nor an IP address`, EXAMPLE);
  return { type: "dns", value: name.toLowerCase() };
}

function isDnsName(name: string): boolean {
  const labels = name.split(".");
  // What ends with a number is an address or nothing: 10.77.0.256 is no name.
  return labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? "");
}

/** Without dots: of `::ffff:10.0.0.1` the library that encodes it would read the first part of the IPv4 address alone. */
function wholeIPv6(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}
