// `receiver certificate make`: an authority of one's own, and a certificate of it for this collector. Each file is written once it can be
// used with those that are there before it, so that whatever cut it off, the same command goes on from there:
//   ca.key, ca.crt, the collector's key, its certificate.

import { dirname } from "node:path";
import { type Authority, issueServerCertificate, makeAuthority } from "../../authority/certificates.ts";
import { makeKeyPair, publicKeyOf } from "../../authority/keys.ts";
import { subjectNames } from "../../authority/names.ts";
import { UserError } from "../../core/failure.ts";
import { inWords } from "../../core/finding.ts";
import { clearAway } from "../../os/files/aside.ts";
import { copyText } from "../listen/own-authority.ts";
import { readPem } from "../listen/tls-files.ts";
import {
  isThere,
  lockDirectory,
  needOwnDirectory,
  type Places,
  publicRights,
  readAuthority,
  readAuthorityKey,
  secretRights,
  servedKeyRights,
  write,
} from "./places.ts";
import { prove } from "./prove.ts";

/**
 * Makes what is not there yet, and writes over nothing.
 * @param names how hosts call the collector
 * @returns what was made, a line each
 * @throws UserError for a name that cannot be one, when the certificate or another authority is there, and when the machine refuses
 */
export async function makeCertificate(places: Places, names: readonly string[], nowMs: number): Promise<string[]> {
  const checked = subjectNames(names).map(({ value }) => value);
  const dirs = [places.certificate, places.key].map(dirname);
  lockDirectory(dirname(places.certificate));
  for (const dir of new Set(dirs)) needOwnDirectory(dir);
  await refuseTaken(places);
  const authority = await haveAuthority(places, nowMs);
  const key = await haveKey(places.key);
  const certificate = await issueServerCertificate(authority.made, { publicKey: publicKeyOf(key.pem), names }, nowMs);
  prove(certificate, authority.made.certificate, key.pem);
  write(places.certificate, certificate, publicRights());
  return [...authority.said, ...key.said, `${places.certificate}: for ${checked.join(", ")}`];
}

async function refuseTaken({ certificate, authority }: Places): Promise<void> {
  if (await isThere(certificate))
    throw new UserError(`tls.certificate ${certificate} is there, and stays as it is`, {
      text: "for the same names a new one is made by `receiver certificate renew`; for others put it aside, then begin again",
      commands: [clearAway(certificate)],
    });
  if (!(await isThere(authority.certificate)) || (await isThere(authority.key))) return;
  throw new UserError(
    `${authority.certificate} is there without its key ${authority.key}: only who has that can issue a certificate of it`,
    inWords("have that authority issue the collector's certificate, or move ca.crt away to have a new authority made"),
  );
}

/** The one that is there, or what is missing of it. */
async function haveAuthority({ authority }: Places, nowMs: number): Promise<{ made: Authority; said: string[] }> {
  if (await isThere(authority.certificate)) return { made: readAuthority(authority), said: [] };
  const said = [];
  let key: string;
  if (await isThere(authority.key)) {
    key = readAuthorityKey(authority.key, "move it away, and a new one is made");
  } else {
    key = makeKeyPair().privateKey;
    write(authority.key, key, secretRights());
    said.push(`${authority.key}: the authority's key; whoever has it can pose as this collector, so it stays here`);
  }
  const made = await makeAuthority(nowMs, key);
  prove(made.certificate, made.certificate, key);
  write(authority.certificate, made.certificate, publicRights());
  return { made, said: [...said, `${authority.certificate}: the authority; ${copyText(authority)}`] };
}

async function haveKey(path: string): Promise<{ pem: string; said: string[] }> {
  if (await isThere(path)) return { pem: readPem("tls.key", path, "key"), said: [] };
  const pem = makeKeyPair().privateKey;
  write(path, pem, servedKeyRights(path));
  return { pem, said: [`${path}: the collector's key`] };
}
