// A small certificate authority: it makes certificates (X.509, RFC 5280) and opens no file. The time is an argument. What it costs to
// load it, only who makes certificates should pay: a daemon imports it when it needs it.

import { randomBytes } from "node:crypto";
import type * as X509 from "@peculiar/x509";
import { isName, NAME_RULE } from "../contract/names.ts";
import { UserError } from "../core/failure.ts";
import { quoted } from "../core/text/fields.ts";
import { makeKeyPair, publicKeyOf, type SigningKey, signingKey, spkiOf } from "./keys.ts";
import { subjectNames } from "./names.ts";
import { x509 } from "./x509.ts";

export interface Authority {
  /** PEM. */
  certificate: string;
  /** PEM, not encrypted. */
  privateKey: string;
}

/** An authority's name, as hosts read it in a message. */
export const AUTHORITY_NAME = "labfleet authority";
const YEARS = 10;
/** The clock of a Raspberry Pi has no battery: at boot it may be years behind, and no certificate may be "not yet valid" for that. */
const NOT_BEFORE = new Date(Date.UTC(2000, 0, 1));
/** When this was written. A clock that shows less is wrong, and would make certificates that end too soon. */
const WRITTEN_MS = Date.UTC(2026, 0, 1);
/** Of a commonName, in characters (RFC 5280 appendix A.1, ub-common-name). */
const COMMON_NAME_MAX = 64;

const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";
const SUBJECT_KEY_IDENTIFIER = "2.5.29.14";
const AUTHORITY_KEY_IDENTIFIER = "2.5.29.35";

/**
 * An authority that issues certificates of servers and hosts, and none of other authorities; it ends ten years from now.
 * @param privateKey PEM; a new one if left out
 */
export async function makeAuthority(nowMs: number, privateKey = makeKeyPair().privateKey): Promise<Authority> {
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
  const own = await signingKey(privateKey);
  const spki = spkiOf(publicKeyOf(privateKey));
  const certificate = await create(own, {
    ...{ subject: commonName(AUTHORITY_NAME), issuer: commonName(AUTHORITY_NAME), publicKey: spki },
    notAfter: tenYearsFrom(nowMs),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      await subjectKey(spki),
    ],
  });
  return { certificate, privateKey };
}

/**
 * The certificate of a server. It lasts ten years, and never longer than its authority.
 * @param publicKey PEM, SubjectPublicKeyInfo @param names how its clients call it: DNS names and IP addresses, the first one its CN
 * @returns PEM
 * @throws UserError for a name that cannot stand in a certificate
 */
export async function issueServerCertificate(
  authority: Authority,
  { publicKey, names }: { publicKey: string; names: readonly string[] },
  nowMs: number,
): Promise<string> {
  const all = subjectNames(names);
  const first = all.find(({ value }) => value.length <= COMMON_NAME_MAX)?.value ?? "collector";
  return issue(authority, { subject: commonName(first), publicKey: spkiOf(publicKey), usage: "server", nowMs }, [
    new x509.SubjectAlternativeNameExtension(all),
  ]);
}

/**
 * The certificate with which a lab host shows who it is. Its extended key usage is told: without one Bun takes it for a server's, too,
 * and each host could be the collector.
 * @param publicKey PEM, SubjectPublicKeyInfo @param host its name, which is the certificate's CN
 * @returns PEM
 * @throws UserError for what is no host name, or more than 64 characters
 */
export async function issueHostCertificate(
  authority: Authority,
  { publicKey, host }: { publicKey: string; host: string },
  nowMs: number,
): Promise<string> {
  if (!isName(host)) throw new UserError(`${quoted(host)} is no host name: ${NAME_RULE}`);
  if (host.length > COMMON_NAME_MAX)
    throw new UserError(
      `${quoted(host)} has ${host.length} characters: in a certificate a host name has at most ${COMMON_NAME_MAX}`,
    );
  return issue(authority, { subject: commonName(host), publicKey: spkiOf(publicKey), usage: "host", nowMs }, []);
}

/**
 * A server's certificate anew: its key, its subject and its names are those of the present one. Whether the present one was issued by
 * this authority is not looked at.
 * @param certificate PEM, of whichever tool made it
 * @returns PEM
 */
export function renewServerCertificate(authority: Authority, certificate: string, nowMs: number): Promise<string> {
  const present = new x509.X509Certificate(certificate);
  const names = present.extensions.filter(({ type }) => type === SUBJECT_ALTERNATIVE_NAME);
  const publicKey = new Uint8Array(present.publicKey.rawData);
  return issue(authority, { subject: present.subjectName, publicKey, usage: "server", nowMs }, names);
}

/**
 * An authority's own certificate anew, of the same key and subject: what it has issued stays its own. For one that has signed itself.
 * @param authority of whichever tool
 * @returns PEM
 */
export async function renewAuthority(authority: Authority, nowMs: number): Promise<string> {
  const present = new x509.X509Certificate(authority.certificate);
  // It may name the serial of the certificate that is replaced.
  const kept = present.extensions.filter(({ type }) => type !== AUTHORITY_KEY_IDENTIFIER);
  return create(await signingKey(authority.privateKey), {
    ...{ subject: present.subjectName, issuer: present.subjectName },
    publicKey: new Uint8Array(present.publicKey.rawData),
    notAfter: tenYearsFrom(nowMs),
    extensions: kept,
  });
}

interface Wanted {
  subject: X509.Name;
  /** DER. */
  publicKey: Uint8Array<ArrayBuffer>;
  usage: "server" | "host";
  nowMs: number;
}

const USAGES = { server: x509.ExtendedKeyUsage.serverAuth, host: x509.ExtendedKeyUsage.clientAuth } as const;

/** A certificate of whoever is no authority (RFC 5280 §4.2.1). */
async function issue(
  { certificate, privateKey }: Authority,
  { subject, publicKey, usage, nowMs }: Wanted,
  names: readonly X509.Extension[],
): Promise<string> {
  const issuer = new x509.X509Certificate(certificate);
  const key = issuer.extensions.find((one) => one.type === SUBJECT_KEY_IDENTIFIER);
  const ofIssuer = key instanceof x509.SubjectKeyIdentifierExtension ? [key.keyId] : [];
  return create(await signingKey(privateKey), {
    ...{ subject, issuer: issuer.subjectName, publicKey },
    notAfter: new Date(Math.min(tenYearsFrom(nowMs).getTime(), issuer.notAfter.getTime())),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([USAGES[usage]]),
      await subjectKey(publicKey),
      ...ofIssuer.map((id) => new x509.AuthorityKeyIdentifierExtension(id)),
      ...names,
    ],
  });
}

interface Content {
  subject: X509.Name;
  issuer: X509.Name;
  publicKey: Uint8Array<ArrayBuffer>;
  notAfter: Date;
  extensions: X509.Extension[];
}

async function create({ key, algorithm }: SigningKey, content: Content): Promise<string> {
  const made = await x509.X509CertificateGenerator.create({
    ...content,
    ...{ serialNumber: serial(), notBefore: NOT_BEFORE, signingKey: key, signingAlgorithm: algorithm },
  });
  return `${made.toString("pem")}\n`;
}

/** 16 random bytes, as hex: positive, and without a zero in front that DER does not allow (RFC 5280 §4.1.2.2). */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

function subjectKey(spki: Uint8Array<ArrayBuffer>): Promise<X509.Extension> {
  return x509.SubjectKeyIdentifierExtension.create(new x509.PublicKey(spki));
}

function commonName(name: string): X509.Name {
  return new x509.Name([{ CN: [{ utf8String: name }] }]);
}

/** On a whole second: a certificate has no smaller unit (RFC 5280 §4.1.2.5). */
function tenYearsFrom(nowMs: number): Date {
  const end = new Date(Math.floor(Math.max(nowMs, WRITTEN_MS) / 1000) * 1000);
  end.setUTCFullYear(end.getUTCFullYear() + YEARS);
  return end;
}
