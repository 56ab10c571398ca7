// A collector's certificate, from an authority of its own: where nobody has another one.

import { issueServerCertificate, makeAuthority } from "../../authority/certificates.ts";
import { makeKeyPair } from "../../authority/keys.ts";

/** What it makes beside the two files that a person could hand over, by names that no option has. */
export const OWN = { authority: "own authority", authorityKey: "own authority's key" } as const;

/** All four, as PEM, by the option that hands them over. @throws UserError: a name is none that a certificate could have */
export async function makeOwnTls(names: readonly string[], nowMs: number): Promise<Map<string, string>> {
  const { publicKey, privateKey } = makeKeyPair();
  const authority = await makeAuthority(nowMs);
  const certificate = await issueServerCertificate(authority, { publicKey, names }, nowMs);
  return new Map([
    ["tls-certificate", certificate],
    ["tls-key", privateKey],
    [OWN.authority, authority.certificate],
    [OWN.authorityKey, authority.privateKey],
  ]);
}
