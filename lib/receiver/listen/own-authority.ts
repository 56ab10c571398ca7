// An authority of one's own beside the collector's certificate, as `receiver certificate make` makes it: what renews the certificate
// is then a line to paste. Whoever has another authority has to ask that one.

import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import type { Command, Fix } from "../../core/finding.ts";
import { type CertificateLife, RELOAD, readLife, SOON_MS } from "./certificate-life.ts";

export interface AuthorityFiles {
  certificate: string;
  key: string;
}

/** Where the authority of a certificate lies, if it is our own. */
export function authorityBeside(certificate: string): AuthorityFiles {
  const dir = dirname(certificate);
  return { certificate: join(dir, "ca.crt"), key: join(dir, "ca.key") };
}

/** Whose certificate it is has nobody here who renews it. */
export const ASK_ITS_AUTHORITY: Fix = {
  text: "have its authority issue a new one, put it into that file, then",
  commands: [RELOAD],
};

const RENEW: Command = { argv: ["sudo", "receiver", "certificate", "renew"], on: "collector" };

/** What renews a certificate, and lets the receiver read it. */
export function renewal(file: string, nowMs: number): Fix {
  const authority = authorityBeside(file);
  const life = isItsAuthority(file, authority) ? readLife(authority.certificate) : null;
  if (life === null) return ASK_ITS_AUTHORITY;
  return {
    text: isDue(life, nowMs) ? `renew it and its authority, then ${copyText(authority)}` : "renew it",
    commands: [RENEW, RELOAD],
  };
}

/** An authority that soon ends is renewed before it issues: nothing of it holds longer than itself. */
export function isDue({ fromMs, toMs }: CertificateLife, nowMs: number): boolean {
  return fromMs > nowMs || toMs - nowMs <= SOON_MS;
}

/** What lab hosts need of a new authority, or of one that was renewed; they read it by themselves. */
export function copyText({ certificate }: AuthorityFiles): string {
  return `copy ${certificate} to each lab host's receiver.ca_bundle`;
}

/** Whether a certificate was issued by an authority. @param certificate PEM @param authority PEM */
export function isIssuedBy(certificate: string, authority: string): boolean {
  const [of, by] = [new X509Certificate(certificate), new X509Certificate(authority)];
  return of.checkIssued(by) && of.verify(by.publicKey);
}

/** The certificate of the authority beside a certificate, as PEM, and nothing else of its file; null: none that could be read. */
export function readAuthorityCertificate(certificate: string): string | null {
  const text = textOf(authorityBeside(certificate).certificate);
  try {
    return text === null ? null : new X509Certificate(text).toString();
  } catch {
    return null;
  }
}

/** The service's user may see that the key is there, and does not read it. */
function isItsAuthority(file: string, { certificate, key }: AuthorityFiles): boolean {
  const [of, by] = [textOf(file), textOf(certificate)];
  if (of === null || by === null || !existsSync(key)) return false;
  try {
    return isIssuedBy(of, by);
  } catch {
    return false; // One of them may be half written.
  }
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}
