// Tokens and certificates from their files: what is read, what is said of what cannot be, and that nothing is waited for
// without end.

import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ReceiverEndpoint } from "../../lib/core/types.ts";
import { type ReadLimits, readCredentials } from "../../lib/os/credentials.ts";
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

/** What it says when it fails. */
const said = (change: Partial<ReceiverEndpoint>, limits: ReadLimits = {}): Promise<string> =>
  read(change, limits).then(
    () => "read",
    (error: unknown) => (error instanceof Error ? error.message : "no error"),
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

describe("a token", () => {
  const FIX = "; fix: put the host's token there, which the collector's token add prints";
  test("that is empty or broken is said by the setting that holds it, and with its file", async () => {
    for (const [text, what] of [
      ["", "is empty"],
      [" \n", "is empty"],
      ["lf_one\nlf_two", "has characters that no header can carry"],
    ] as const) {
      const path = fileOf(text);
      expect(await said({ bearerTokenFile: path })).toBe(`receiver.bearer_token_file ${path} ${what}${FIX}`);
    }
    expect(await said({ bearerToken: "" })).toBe(`receiver.bearer_token is empty${FIX}`);
  });
});

const SETTINGS = [
  ["ca_bundle", "caBundle"],
  ["client_cert", "clientCert"],
  ["client_key", "clientKey"],
  ["bearer_token_file", "bearerTokenFile"],
] as const;

for (const [name, key] of SETTINGS) {
  describe(`receiver.${name}`, () => {
    test("that is gone, or no file, or a pipe into which nobody writes, is said at once", async () => {
      const gone = join(tempDir(), "gone");
      expect(await said({ [key]: gone })).toBe(`cannot read receiver.${name} ${gone}: ENOENT`);
      const dir = join(tempDir(), "dir");
      mkdirSync(dir);
      const pipe = join(tempDir(), "pipe");
      expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
      for (const path of [dir, pipe, "/dev/zero"]) {
        expect(await said({ [key]: path })).toBe(
          `cannot read receiver.${name} ${path}: it is no regular file; fix: name a file there`,
        );
      }
      const large = fileOf("");
      truncateSync(large, 1024 * 1024 + 1);
      expect(await said({ [key]: large })).toContain(`cannot read receiver.${name} ${large}: it has more than`);
    });
  });
}

test("what holds no certificate is said by name", async () => {
  const path = fileOf("lf_one");
  expect(await said({ caBundle: path })).toBe(`receiver.ca_bundle ${path} holds no PEM text`);
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
      expect(await said({ bearerTokenFile: path }, { deadlineMs: 20, readFile })).toBe(
        `cannot read receiver.bearer_token_file ${path}: its disk gave no answer in 0.02 s; fix: look at the mount it lies on`,
      );
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
    const saying = said({ clientKey: join(tempDir(), "key") }, { signal: stop.signal, readFile });
    stop.abort();
    expect(await saying).toEndWith("/key: stopped");
    const late = { signal: stop.signal };
    expect(await said({ bearerTokenFile: fileOf("lf_one") }, late)).toEndWith("/file: stopped");
  });

  test("fails later without ending the process", async () => {
    const hung = Promise.withResolvers<string>();
    const path = join(tempDir(), "token");
    await said({ bearerTokenFile: path }, { deadlineMs: 5, readFile: () => hung.promise });
    hung.reject(new Error("EIO"));
    await Bun.sleep(1);
    expect(await said({ bearerTokenFile: path })).toContain("ENOENT");
  });
});
