// Whatever goes wrong, upload() resolves and throws nothing later: a throw here would end the daemon.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TlsFiles, type Upload, upload } from "../../lib/client/upload.ts";
import { tempDir } from "../support/temp-dir.ts";

const NO_TLS: TlsFiles = { ca: null, cert: null, key: null, verify: true };

function job(url: string, change: Partial<Upload>): Upload {
  const file = join(tempDir(), "archive");
  writeFileSync(file, "x".repeat(100));
  const signal = new AbortController().signal;
  const times = { stallMs: 1000, answerMs: 1000 };
  return { url, headers: {}, file, bytes: 100, tls: NO_TLS, ...times, signal, moved: () => {}, ...change };
}

const BROKEN: Record<string, Partial<TlsFiles>> = {
  "an authority file of garbage": { ca: "garbage" },
  "a certificate of garbage": { cert: "garbage", key: "garbage" },
  "a key that is half written": { cert: "-----BEGIN CERTIFICATE-----\nAAAA", key: "-----BEGIN PRIVATE KEY-----\nAAA" },
};

for (const [what, files] of Object.entries(BROKEN)) {
  test(`${what} is a TLS failure and not a throw`, async () => {
    const outcome = await upload(job("https://127.0.0.1:9/", { tls: { ...NO_TLS, ...files } })).catch(() => "threw");
    expect(outcome).toMatchObject({ kind: "failed", cause: "tls" });
  });
}

test("an upload that is called off before it begins leaves no error behind that ends the process", async () => {
  const program = join(import.meta.dir, "../fixtures/programs/aborted-upload.ts");
  const child = Bun.spawn([process.execPath, program], { stdout: "pipe", stderr: "pipe" });
  expect({ code: await child.exited, said: await child.stderr.text() }).toEqual({ code: 0, said: "" });
});
