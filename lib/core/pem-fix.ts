// The commands that make a usable PEM file of what a certificate or a key is instead. Each writes a copy with the owner and the mode of
// the file, and puts it in its place: a power cut leaves one of the two whole. Pure.

import type { Command } from "./finding.ts";

/** @param on whose file it is: `host` is the shell of the machine that says it */
export function asPem(path: string, kind: "certificate" | "key", on: Command["on"] = "host"): Command[] {
  const tool = kind === "key" ? "pkey" : "x509";
  return rewritten(path, on, (copy) => ["openssl", tool, "-inform", "DER", "-in", path, "-out", copy]);
}

/** Asks for the password of a key, and takes it off. */
export function withoutPassword(path: string, on: Command["on"] = "host"): Command[] {
  return rewritten(path, on, (copy) => ["openssl", "pkey", "-in", path, "-out", copy]);
}

/** Shows the public key of both, which is the same where they belong together. */
export function bothPublicKeys(certificate: string, key: string, on: Command["on"] = "host"): Command[] {
  return [
    { argv: ["sudo", "openssl", "x509", "-in", certificate, "-noout", "-pubkey"], on },
    { argv: ["sudo", "openssl", "pkey", "-in", key, "-pubout"], on },
  ];
}

function rewritten(path: string, on: Command["on"], write: (copy: string) => string[]): Command[] {
  const copy = `${path}.new`;
  return [
    { argv: ["sudo", "cp", "-p", path, copy], on },
    { argv: ["sudo", ...write(copy)], on },
    { argv: ["sudo", "mv", copy, path], on },
  ];
}
