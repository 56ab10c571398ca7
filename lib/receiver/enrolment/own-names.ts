// By which names a collector is known: its hosts cannot have them, and one of them stands in the line that enrols a host.

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { errorCode } from "../../core/failure.ts";

/** Names and addresses that a certificate is for, in its order; none where it cannot be read. @param file PEM */
export function certificateNames(file: string): string[] {
  try {
    const { subjectAltName = "" } = new X509Certificate(readFileSync(file));
    return subjectAltName
      .split(", ")
      .map((name) => name.replace(/^(?:DNS|IP Address|IP):/, ""))
      .filter((name) => name !== "");
  } catch (error) {
    // What is wrong with it is told by whoever reads it for use.
    if (errorCode(error) === null) throw error;
    return [];
  }
}

/** With the first part of each, by which people call a machine. @param certificate null: it has none */
export function ownNames(certificate: string | null, machine = hostname()): string[] {
  const names = [machine, ...(certificate === null ? [] : certificateNames(certificate))];
  return [...new Set(names.flatMap((name) => [name, name.split(".")[0] ?? ""]))].filter((name) => !/^\d*$/.test(name));
}
