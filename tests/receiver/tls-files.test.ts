// The files of [tls]: what one holds instead of what it should is said by name, before anything listens.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../lib/core/failure.ts";
import { readTls } from "../../lib/receiver/tls-files.ts";
import { lockKey, makeAuthority } from "../support/certificates.ts";
import { tempDir } from "../support/temp-dir.ts";

test("each file is told by what it holds", () => {
  const ca = makeAuthority(tempDir());
  const { certFile: certificate, keyFile: key } = ca;
  const plain = join(tempDir(), "plain");
  writeFileSync(plain, "x");
  for (const [change, said] of [
    [{ certificate: key }, `tls.certificate: ${key} holds a private key and no certificate`],
    [{ key: certificate }, `tls.key: ${certificate} holds a certificate and no private key`],
    [{ key: lockKey(ca) }, `tls.key: ${key}.locked is encrypted, and a daemon has nobody who types its password`],
    [{ clientCa: plain }, `tls.client_ca: ${plain} is no PEM file`],
    [{ clientCa: key }, `tls.client_ca: ${key} holds a private key and no certificate`],
  ] as const) {
    const read = () => readTls({ certificate, key, clientCa: null, ...change });
    expect(read).toThrow(UserError);
    expect(read).toThrow(said);
  }
  expect(readTls({ certificate, key, clientCa: certificate })).not.toBeNull();
});
