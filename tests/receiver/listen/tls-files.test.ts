// The files of [tls]: what one holds instead of what it should is said by name, before anything listens.

import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../../lib/core/failure.ts";
import { fixText, inWords } from "../../../lib/core/finding.ts";
import { readTls } from "../../../lib/receiver/listen/tls-files.ts";
import { lockKey, makeAuthority, selfSigned } from "../../support/certificates.ts";
import { tempDir } from "../../support/temp-dir.ts";

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

test("a certificate that is damaged, and a key of another one, are told with their files", () => {
  const { certFile: certificate, keyFile: key } = makeAuthority(tempDir());
  const other = selfSigned(tempDir(), "DNS:other");
  const torn = join(tempDir(), "torn.crt");
  writeFileSync(torn, readFileSync(certificate, "utf8").replace(/\n..../, "\n!!!!"));
  expect(() => readTls({ certificate: torn, key, clientCa: null })).toThrow(`tls.certificate: ${torn} is damaged: `);
  expect(() => readTls({ certificate, key: other.keyFile, clientCa: null })).toThrow(
    `tls.key ${other.keyFile} does not belong to tls.certificate ${certificate}`,
  );
});

/** Runs what mends it, as root needs no sudo. */
function paste(error: unknown, typed = ""): void {
  if (!(error instanceof UserError)) throw error;
  for (const { argv } of error.fix?.commands ?? []) {
    const { exitCode, stderr } = Bun.spawnSync(argv.slice(1), { stdin: Buffer.from(typed) });
    expect(exitCode, stderr.toString()).toBe(0);
  }
}

test("DER, and a key with a password, are mended by the commands that are printed, in place and with their mode", () => {
  const ca = makeAuthority(tempDir());
  const { certFile, keyFile: key } = ca;
  const certificate = join(tempDir(), "a.crt");
  const derKey = join(tempDir(), "a.key");
  expect(Bun.spawnSync(["openssl", "x509", "-in", certFile, "-outform", "DER", "-out", certificate]).exitCode).toBe(0);
  expect(Bun.spawnSync(["openssl", "pkey", "-in", key, "-outform", "DER", "-out", derKey]).exitCode).toBe(0);
  const locked = lockKey(ca);
  for (const [files, said, typed] of [
    [{ certificate, key }, "is DER", ""],
    [{ certificate, key: derKey }, "is DER", ""],
    [{ certificate, key: locked }, "is encrypted", "secret\n"],
  ] as const) {
    const changed = said === "is DER" && files.key === key ? files.certificate : files.key;
    const { mode } = statSync(changed);
    const read = () => readTls({ ...files, clientCa: null });
    expect(read).toThrow(said);
    try {
      read();
    } catch (error) {
      // On the machine that says it, which is the collector.
      expect(fixText((error as UserError).fix ?? inWords(""), "collector")).not.toContain("on the lab host");
      paste(error, typed);
    }
    expect(read()).not.toBeNull();
    expect(statSync(changed).mode).toBe(mode);
  }
});

test("nobody waits for a pipe that has the name of a key", () => {
  const { certFile: certificate } = makeAuthority(tempDir());
  const key = join(tempDir(), "pipe");
  Bun.spawnSync(["mkfifo", key]);
  expect(() => readTls({ certificate, key, clientCa: null })).toThrow("is no regular file");
});
