// Which names a client certificate speaks for: its CN and its DNS names. Pure.

interface PeerCertificate {
  subject?: { CN?: string | string[] };
  subjectaltname?: string | undefined;
}

/**
 * The names of a verified peer certificate, as node:tls gives it.
 * Names that node had to quote hold a comma or a quote and can be no host's: they are left out (CVE-2021-44532).
 */
export function peerNames(certificate: PeerCertificate): string[] {
  const common = certificate.subject?.CN ?? [];
  const alternatives = (certificate.subjectaltname ?? "").match(/"(?:[^"\\]|\\.)*"|[^,"]+/g) ?? [];
  const dns = alternatives
    .map((text) => /^ ?DNS:([A-Za-z0-9._-]+)$/.exec(text)?.[1])
    .filter((name) => name !== undefined);
  return [...(typeof common === "string" ? [common] : common), ...dns];
}
