// Tokens and certificates from their files: what is read, what is said of what cannot be, and that nothing is waited for
// without end.

import { describe, expect, test } from "bun:test";
import { mkdirSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  CredentialError,
  type CredentialFault,
  type ReadLimits,
  readCredentials,
} from "../../lib/client/credentials.ts";
import type { ReceiverEndpoint } from "../../lib/contract/endpoint.ts";
import { makeAuthority } from "../support/certificates.ts";
import { tempDir } from "../support/temp-dir.ts";

const NOTHING: ReceiverEndpoint = {
  url: "http://127.0.0.1:1",
  caBundle: null,
  clientCert: null,
  clientKey: null,
  bearerToken: null,
  bearerTokenFile: null,
  verifyTls: true,
  kind: "labfleet",
  trustedNetwork: false,
};

const read = (change: Partial<ReceiverEndpoint>, limits: ReadLimits = {}) =>
  readCredentials({ ...NOTHING, ...change }, limits);

/** What is wrong when it fails, and with which file. */
const fault = (change: Partial<ReceiverEndpoint>, limits: ReadLimits = {}): Promise<CredentialFault | null> =>
  read(change, limits).then(
    () => null,
    (error: unknown) => (error instanceof CredentialError ? error.fault : null),
  );

function fileOf(text: string): string {
  const path = join(tempDir(), "file");
  writeFileSync(path, text);
  return path;
}

test("are read afresh, behind links too; nothing is needed", async () => {
  expect(await read({})).toEqual({ token: null, tls: { ca: null, cert: null, key: null, verify: true } });
  const pair = makeAuthority(tempDir());
  const link = join(tempDir(), "live.crt"); // as certbot keeps them
  symlinkSync(pair.certFile, link);
  const files = { caBundle: pair.certFile, clientCert: link, clientKey: pair.keyFile };
  const token = fileOf("lf_one\n");
  const tls = { ca: pair.cert, cert: pair.cert, key: pair.key, verify: true };
  expect(await read({ ...files, bearerTokenFile: token })).toEqual({ token: "lf_one", tls });
  writeFileSync(token, "lf_two");
  expect((await read({ bearerTokenFile: token, bearerToken: "lf_no" })).token).toBe("lf_two");
});

test("a token that is empty or broken is told by the setting that holds it, and its file", async () => {
  for (const [text, problem] of [
    ["", "empty"],
    [" \n", "empty"],
    ["lf_one\nlf_two", "no-token"],
    ["lf_ä", "no-token"],
  ] as const) {
    const path = fileOf(text);
    expect(await fault({ bearerTokenFile: path })).toMatchObject({ key: "bearer_token_file", path, problem });
  }
  expect(await fault({ bearerToken: "" })).toMatchObject({ key: "bearer_token", path: null, problem: "empty" });
});

const SETTINGS = [
  ["ca_bundle", "caBundle"],
  ["client_cert", "clientCert"],
  ["client_key", "clientKey"],
  ["bearer_token_file", "bearerTokenFile"],
] as const;

for (const [name, key] of SETTINGS) {
  test(`receiver.${name} that is gone, or no file, or a pipe into which nobody writes, is told at once`, async () => {
    const gone = join(tempDir(), "gone");
    expect(await fault({ [key]: gone })).toMatchObject({ key: name, path: gone, problem: "absent", code: "ENOENT" });
    const dir = join(tempDir(), "dir");
    mkdirSync(dir);
    const pipe = join(tempDir(), "pipe");
    expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
    for (const path of [dir, pipe, "/dev/zero"]) {
      expect(await fault({ [key]: path })).toMatchObject({ key: name, path, problem: "no-file" });
    }
    const large = fileOf("");
    truncateSync(large, 1024 * 1024 + 1);
    expect(await fault({ [key]: large })).toMatchObject({ key: name, path: large, problem: "too-large" });
  });
}

test("a file that holds something else is told by what it holds", async () => {
  const { certFile, keyFile } = makeAuthority(tempDir());
  const der = join(tempDir(), "ca.der");
  Bun.spawnSync(["openssl", "x509", "-in", certFile, "-outform", "DER", "-out", der]);
  const locked = join(tempDir(), "locked.key");
  Bun.spawnSync(["openssl", "pkey", "-in", keyFile, "-aes256", "-passout", "pass:x", "-out", locked]);
  expect(await fault({ caBundle: fileOf("lf_one") })).toMatchObject({ key: "ca_bundle", problem: "no-pem" });
  expect(await fault({ caBundle: fileOf("\n") })).toMatchObject({ key: "ca_bundle", problem: "empty" });
  expect(await fault({ caBundle: der })).toMatchObject({ key: "ca_bundle", problem: "der" });
  expect(await fault({ caBundle: keyFile })).toMatchObject({ key: "ca_bundle", problem: "key" });
  expect(await fault({ clientCert: keyFile })).toMatchObject({ key: "client_cert", problem: "key" });
  expect(await fault({ clientKey: certFile })).toMatchObject({ key: "client_key", problem: "certificate" });
  expect(await fault({ clientKey: locked })).toMatchObject({ key: "client_key", problem: "encrypted" });
});

test("where reading ends is told with its owner and mode", async () => {
  const path = join(tempDir(), "absent", "token");
  const stats = statSync(dirname(dirname(path)));
  expect((await fault({ bearerTokenFile: path }))?.access).toMatchObject({
    path: dirname(dirname(path)),
    isDirectory: true,
    mode: (stats.mode & 0o7777).toString(8).padStart(4, "0"),
  });
});

describe("a disk that does not answer, as a share whose server is gone", () => {
  test("is given up at the deadline, and the file is named; tries do not pile up", async () => {
    const path = join(tempDir(), "token");
    const hung = Promise.withResolvers<string>();
    let reads = 0;
    const readFile = (): Promise<string> => {
      reads++;
      return hung.promise;
    };
    for (let n = 0; n < 3; n++) {
      const slow = { key: "bearer_token_file" as const, path, problem: "slow" as const };
      expect(await fault({ bearerTokenFile: path }, { deadlineMs: 20, readFile })).toMatchObject(slow);
    }
    expect(reads).toBe(1);
    const waiting = read({ bearerTokenFile: path }, { readFile });
    hung.resolve("lf_late");
    expect((await waiting).token).toBe("lf_late");
    writeFileSync(path, "lf_new");
    expect((await read({ bearerTokenFile: path })).token).toBe("lf_new");
  });

  test("holds up no stop", async () => {
    const stop = new AbortController();
    const readFile = (): Promise<string> => new Promise(() => undefined);
    const saying = fault({ clientKey: join(tempDir(), "key") }, { signal: stop.signal, readFile });
    stop.abort();
    expect(await saying).toMatchObject({ key: "client_key", problem: "stopped" });
    const late = { signal: stop.signal };
    expect(await fault({ bearerTokenFile: fileOf("lf_one") }, late)).toMatchObject({ problem: "stopped" });
  });

  test("fails later without ending the process", async () => {
    const hung = Promise.withResolvers<string>();
    const path = join(tempDir(), "token");
    await fault({ bearerTokenFile: path }, { deadlineMs: 5, readFile: () => hung.promise });
    hung.reject(new Error("EIO"));
    await Bun.sleep(1);
    expect(await fault({ bearerTokenFile: path })).toMatchObject({ problem: "absent" });
  });
});
