// A certificate authority of the test's own, made with openssl.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Authority {
  /** Path of the authority's certificate. */
  ca: string;
  /** Makes a certificate; returns the paths. `days` may be negative: already expired. */
  issue(name: string, altNames: string, days?: number): { cert: string; key: string };
}

function openssl(...args: string[]): void {
  const done = Bun.spawnSync(["openssl", ...args], { stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(`openssl ${args[0]}: ${done.stderr.toString()}`);
}

/** Makes an authority in `directory`; `name` tells several apart. */
export function makeAuthority(directory: string, name: string): Authority {
  const path = (file: string): string => join(directory, `${name}-${file}`);
  const ca = path("ca.crt");
  openssl(
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    path("ca.key"),
    "-out",
    ca,
    "-subj",
    `/CN=${name}`,
    "-days",
    "30",
  );
  return {
    ca,
    issue(subject, altNames, days = 30) {
      const [cert, key, csr, ext] = [
        path(`${subject}.crt`),
        path(`${subject}.key`),
        path(`${subject}.csr`),
        path(`${subject}.ext`),
      ];
      openssl(
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        key,
        "-out",
        csr,
        "-subj",
        `/CN=${subject}`,
      );
      writeFileSync(ext, `subjectAltName=${altNames}\n`);
      openssl(
        "x509",
        "-req",
        "-in",
        csr,
        "-CA",
        ca,
        "-CAkey",
        path("ca.key"),
        "-CAcreateserial",
        "-out",
        cert,
        "-days",
        String(days),
        "-extfile",
        ext,
      );
      return { cert, key };
    },
  };
}
