// Back-pressure over TLS, counted in bytes and not in memory: what the server took from the network, what was taken from
// it. Held against Bun, whose own TLS sockets read on while they are paused.

import { afterEach, expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as tls from "node:tls";
import { wireBody } from "../../lib/receiver/body.ts";
import { HeldSocket } from "../../lib/receiver/held-socket.ts";
import { makeAuthority } from "../support/certificates.ts";
import { cleanUp, onCleanUp, tempDir, until } from "./support.ts";

afterEach(cleanUp);

const TOTAL = 150_000_000;

test("of 150 MB to a slow reader, the server never takes 5 MB more than were asked for, however long it goes on", async () => {
  const ca = makeAuthority(tempDir());
  const { cert, key } = ca.issue("server", { san: "IP:127.0.0.1" });
  let taken = 0;
  let most = 0;
  const http = createServer(async (req, res) => {
    const held: unknown = req.socket;
    const body = wireBody(req, {
      rate: { minBytesPerS: 1, windowS: 60 },
      handedOver: true,
      onFirstRead: () => undefined,
    });
    for (;;) {
      const chunk = await body.read();
      if (typeof chunk === "string") break;
      taken += chunk.length;
      await Bun.sleep(3);
      if (held instanceof HeldSocket) most = Math.max(most, held.tls.bytesRead - taken);
    }
    res.end("through");
  });
  const server = tls.createServer({ cert, key }, (socket) => http.emit("connection", new HeldSocket(socket)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onCleanUp(() => server.close());
  const client = tls.connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", ca: ca.cert });
  onCleanUp(() => client.destroy());
  const answered = new Promise<void>((resolve) =>
    client.on("data", (data) => String(data).includes("through") && resolve()),
  );
  await new Promise((resolve) => client.on("secureConnect", resolve));
  client.write(`PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${TOTAL}\r\n\r\n`);
  const chunk = new Uint8Array(1_000_000);
  for (let sent = 0; sent < TOTAL; sent += chunk.length) {
    if (!client.write(chunk)) await new Promise((resolve) => client.once("drain", resolve));
  }
  await answered;
  expect(taken).toBe(TOTAL);
  expect(most).toBeGreaterThan(0);
  expect(most / 1e6).toBeLessThan(5);
}, 60_000);

test("an answer larger than the buffers goes out whole to a client that reads late", async () => {
  const ca = makeAuthority(tempDir());
  const { cert, key } = ca.issue("server", { san: "IP:127.0.0.1" });
  let answering = false;
  const http = createServer((_, res) => {
    res.end(Buffer.alloc(20_000_000, "x"));
    answering = true;
  });
  const server = tls.createServer({ cert, key }, (socket) => http.emit("connection", new HeldSocket(socket)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onCleanUp(() => server.close());
  const client = tls.connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", ca: ca.cert });
  onCleanUp(() => client.destroy());
  let got = 0;
  client.pause();
  client.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  await until(() => answering);
  client.on("data", (data: Buffer) => {
    got += data.length;
  });
  client.resume();
  await new Promise((resolve) => client.on("close", resolve));
  expect(got).toBeGreaterThan(20_000_000);
});
