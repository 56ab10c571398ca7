// An authority of one's own beside the collector's certificate, as an installation by hand makes it: what renews the certificate is
// then a line to paste. Whoever has another authority has to ask that one.

import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Command, Fix } from "../../core/finding.ts";
import { shellLine } from "../../core/text/shell-quote.ts";
import { RELOAD, readLife, SOON_MS } from "./certificate-life.ts";

const AUTHORITY = { certificate: "ca.crt", key: "ca.key" } as const;
const DAYS = "3650";

/** What renews a certificate, and lets the receiver read it. */
export function renewal(file: string, nowMs: number): Fix {
  const dir = dirname(file);
  const name = basename(file).replace(/\.[^.]*$/, "");
  const needed = [AUTHORITY.certificate, AUTHORITY.key, `${name}.csr`, `${name}.ext`];
  if (!needed.every((each) => existsSync(join(dir, each))))
    return { text: "have its authority issue a new one, put it into that file, then", commands: [RELOAD] };
  const authority = readLife(join(dir, AUTHORITY.certificate));
  const isSound = authority !== null && authority.toMs - nowMs > SOON_MS;
  const steps = [["cd", dir], ...(isSound ? [] : authorityAnew()), ...issueAnew(name, basename(file))];
  const line: Command = { argv: ["sudo", "sh", "-c", steps.map(shellLine).join(" && ")], on: "collector" };
  const text = isSound
    ? "renew it"
    : `renew it and its authority, then copy ${join(dir, AUTHORITY.certificate)} to each lab host's receiver.ca_bundle`;
  return { text, commands: [line, RELOAD] };
}

/** The same key and name: what it has issued stays its own. */
function authorityAnew(): string[][] {
  const { certificate, key } = AUTHORITY;
  const fresh = `${certificate}.new`;
  return [
    ["openssl", "x509", "-in", certificate, "-signkey", key, "-days", DAYS, "-out", fresh],
    ["mv", fresh, certificate],
  ];
}

/** Nothing is replaced by what no host would take. */
function issueAnew(name: string, file: string): string[][] {
  const { certificate, key } = AUTHORITY;
  const fresh = `${file}.new`;
  const request = ["-in", `${name}.csr`, "-extfile", `${name}.ext`];
  const issuer = ["-CA", certificate, "-CAkey", key, "-CAcreateserial"];
  return [
    ["openssl", "x509", "-req", ...request, "-days", DAYS, ...issuer, "-out", fresh],
    ["openssl", "verify", "-CAfile", certificate, fresh],
    ["mv", fresh, file],
  ];
}
