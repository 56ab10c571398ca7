// `receiver certificate renew`: the collector's certificate anew by the authority beside it, and that itself when it soon ends. Keys and
// names stay, so that no host needs anything new but, rarely, ca.crt.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { dirname } from "node:path";
import { type Authority, renewAuthority, renewServerCertificate } from "../../authority/certificates.ts";
import { UserError } from "../../core/failure.ts";
import { fixText } from "../../core/finding.ts";
import { lifeOf, RELOAD, timeText } from "../listen/certificate-life.ts";
import { ASK_ITS_AUTHORITY, copyText, isDue, isIssuedBy } from "../listen/own-authority.ts";
import { readTls } from "../listen/tls-files.ts";
import { isThere, lockDirectory, type Places, readAuthority, sameRights, write } from "./places.ts";
import { prove } from "./prove.ts";

/**
 * Renews the certificate, and its authority if need be.
 * @returns what was done and what is left to do, a line each
 * @throws UserError when another authority has issued it, a file cannot be used, or the machine refuses; then all is as it was
 */
export async function renewCertificate(places: Places, nowMs: number): Promise<string[]> {
  const { certificate, authority: files } = places;
  lockDirectory(dirname(certificate));
  if (!(await isThere(certificate)))
    throw new UserError(
      `tls.certificate ${certificate} is not there, so there is nothing to renew`,
      "receiver certificate make <name>…, with the names that hosts call this collector",
    );
  // Not what a daemon may need besides: clients are no matter of its own certificate.
  const present = readTls({ certificate, key: places.key, clientCa: null });
  if (present === null) throw new Error("there is no [tls]");
  const old = await ownAuthority(places, present.certificate);
  const isOld = isDue(lifeOf(files.certificate, old.certificate), nowMs);
  const authority = isOld ? { ...old, certificate: await anew(places, old, nowMs) } : old;
  const fresh = await renewServerCertificate(authority, present.certificate, nowMs);
  prove(fresh, authority.certificate, present.key);
  // Cut off between the two, the authority is still due and the same command says again what hosts need.
  write(certificate, withChain(fresh, present.certificate, authority), sameRights(certificate));
  if (isOld) write(files.certificate, authority.certificate, sameRights(files.certificate));
  return [
    `${certificate}: valid until ${timeText(lifeOf(certificate, fresh).toMs)}`,
    ...(isOld
      ? [`${files.certificate}: until ${timeText(lifeOf(certificate, authority.certificate).toMs)}; ${copyText(files)}`]
      : []),
    fixText({ text: "let the receiver read it", commands: [RELOAD] }, "collector"),
  ];
}

/** @throws UserError when the authority that has issued a certificate is not the one beside it */
async function ownAuthority({ certificate, authority }: Places, present: string): Promise<Authority> {
  const missing = [];
  for (const file of [authority.certificate, authority.key]) if (!(await isThere(file))) missing.push(file);
  if (missing.length > 0)
    throw new UserError(
      `the authority of ${certificate} is not here: there is no ${missing.join(" and no ")}`,
      ASK_ITS_AUTHORITY,
    );
  const found = readAuthority(authority);
  if (isIssuedBy(present, found.certificate)) return found;
  const { issuer } = new X509Certificate(present);
  throw new UserError(
    `${certificate} was issued by ${issuer.split("\n").join(", ")}, and not by the authority ${authority.certificate}`,
    ASK_ITS_AUTHORITY,
  );
}

/** @throws UserError for an authority that another one has issued */
async function anew({ authority }: Places, old: Authority, nowMs: number): Promise<string> {
  if (!isIssuedBy(old.certificate, old.certificate))
    throw new UserError(
      `the authority ${authority.certificate} ends, and another one has issued it`,
      "have that one issue it anew, put it there, then begin again",
    );
  const fresh = await renewAuthority(old, nowMs);
  prove(fresh, fresh, old.privateKey);
  // What it has issued is its own still.
  if (new X509Certificate(fresh).subject !== new X509Certificate(old.certificate).subject)
    throw new Error("the authority's name has changed");
  return fresh;
}

/** What was sent along with the old one is sent along with the new one; an authority in it is the renewed one. */
function withChain(fresh: string, old: string, authority: Authority): string {
  const [, ...others] = old.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  const key = createPrivateKey(authority.privateKey);
  const sent = others.map((pem) =>
    new X509Certificate(pem).checkPrivateKey(key) ? authority.certificate : `${pem}\n`,
  );
  return [fresh, ...sent].join("");
}
