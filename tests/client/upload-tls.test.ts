// Certificates that are wrong, theirs or ours: always cause `tls`, because no episode is at fault.

import { describe, expect, onTestFinished, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { type TlsFiles, type UploadOutcome, upload } from "../../lib/client/upload.ts";
import { makeAuthority } from "../support/certificates.ts";
import { lineReader } from "../support/lines.ts";
import { tempDir } from "../support/temp-dir.ts";

/** Two authorities; certificates for this machine: good, expired, and under another name. */
function certificates() {
  const dir = tempDir();
  const [ours, theirs] = [makeAuthority(join(dir, "ours")), makeAuthority(join(dir, "theirs"))];
  return {
    ca: ours.cert,
    otherCa: theirs.cert,
    good: ours.issue("good", { san: "IP:127.0.0.1" }),
    otherName: ours.issue("other-name", { san: "DNS:other.example" }),
    expired: ours.issue("expired", { san: "IP:127.0.0.1", days: -1 }),
    client: ours.issue("lab1"),
    foreignClient: theirs.issue("lab1"),
  };
}

async function serve(options: ServerOptions): Promise<string> {
  const server = createServer(options, (request: IncomingMessage, response: ServerResponse) => {
    request.resume().on("end", () => response.end("taken"));
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `https://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`;
}

/** `openssl s_server` that takes no client without a certificate of `ca`. */
async function opensslServer(version: string, ca: string, own: { cert: string; key: string }): Promise<string> {
  const dir = tempDir();
  for (const [name, text] of Object.entries({ "ca.pem": ca, "cert.pem": own.cert, "key.pem": own.key })) {
    writeFileSync(join(dir, name), text);
  }
  const files = ["-CAfile", "ca.pem", "-cert", "cert.pem", "-key", "key.pem"];
  const child = Bun.spawn(
    [
      "openssl",
      "s_server",
      "-accept",
      "127.0.0.1:0",
      version,
      "-Verify",
      "2",
      "-verify_return_error",
      "-www",
      ...files,
    ],
    { cwd: dir, stdin: "pipe", stdout: "pipe", stderr: "ignore" },
  );
  onTestFinished(() => child.kill());
  const nextLine = lineReader(child.stdout);
  for (let line = await nextLine(); line !== null; line = await nextLine()) {
    const port = /^ACCEPT .*:(\d+)$/.exec(line)?.[1];
    if (port !== undefined) return `https://127.0.0.1:${port}/`;
  }
  throw new Error("openssl s_server did not start");
}

function send(url: string, tls: Partial<TlsFiles>): Promise<UploadOutcome> {
  const file = join(tempDir(), "archive");
  writeFileSync(file, "x".repeat(100));
  const signal = new AbortController().signal;
  const files = { ca: null, cert: null, key: null, verify: true, ...tls };
  return upload({
    url,
    headers: {},
    file,
    bytes: 100,
    tls: files,
    stallMs: 5000,
    answerMs: 5000,
    signal,
    moved: () => {},
  });
}

const TAKEN = { kind: "answer", status: 200, text: "taken" };
const REFUSED = { kind: "failed", cause: "tls" };

describe("a server", () => {
  test("is believed by its authority, and by no other, and unverified only when told so", async () => {
    const { ca, otherCa, good } = certificates();
    const url = await serve(good);
    expect(await send(url, { ca })).toMatchObject(TAKEN);
    expect(await send(url, { ca: otherCa })).toMatchObject(REFUSED);
    expect(await send(url, {})).toMatchObject(REFUSED);
    expect(await send(url, { verify: false })).toMatchObject(TAKEN);
  });

  test("under another name is refused", async () => {
    const { ca, otherName } = certificates();
    expect(await send(await serve(otherName), { ca })).toMatchObject(REFUSED);
  });

  test("a server whose certificate has expired is refused", async () => {
    const { ca, expired } = certificates();
    expect(await send(await serve(expired), { ca })).toMatchObject(REFUSED);
  });

  test("that asks for our certificate gets it", async () => {
    const { ca, good, client } = certificates();
    const url = await serve({ ...good, ca, requestCert: true, rejectUnauthorized: true });
    expect(await send(url, { ca, ...client })).toMatchObject(TAKEN);
  });

  for (const [what, version] of [
    ["TLS 1.2", "-tls1_2"],
    ["TLS 1.3", "-tls1_3"],
  ] as const) {
    test(`of OpenSSL by ${what} that does not like our certificate, or gets none, tells of our fault`, async () => {
      const { ca, good, foreignClient } = certificates();
      const url = await opensslServer(version, ca, good);
      for (const wrong of [{}, foreignClient]) expect(await send(url, { ca, ...wrong })).toMatchObject(REFUSED);
    });
  }

  test("without TLS behind an https URL is a TLS failure", async () => {
    const server = createTcpServer(
      (socket) => void socket.on("error", () => {}).once("data", () => socket.end("HTTP/1.1 400 Bad\r\n\r\n")),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expect(await send(`https://127.0.0.1:${port}/`, {})).toMatchObject(REFUSED);
  });

  test("is refused when our key does not belong to our certificate", async () => {
    const { ca, good, client } = certificates();
    const url = await serve(good);
    expect(await send(url, { ca, cert: client.cert, key: good.key })).toMatchObject(REFUSED);
  });
});
