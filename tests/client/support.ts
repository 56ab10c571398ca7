// A host's client against what really listens: the receiver it names, what it asks, and what is said of the failure.

import { onTestFinished } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { type Client, openClient, type Reply, type Request } from "../../lib/client/client.ts";
import type { Explanation } from "../../lib/client/failures/explain.ts";
import type { ReceiverEndpoint } from "../../lib/contract/endpoint.ts";
import { findingText } from "../../lib/core/finding.ts";

export const RECEIVER: ReceiverEndpoint = {
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

export const PATH = "/v1/episodes/lab1/a.tar.zst";
export const STORED = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";

/** A client that is closed after the test. */
export function testClient(): Client {
  const client = openClient({ hostId: "lab1", timeoutKey: "shipper.request_timeout_s" });
  onTestFinished(() => client.close());
  return client;
}

export function requestOf(change: Partial<Request> = {}): Request {
  const body = Buffer.from("an episode");
  const times = { stallMs: 5000, answerMs: 5000 };
  return { path: PATH, headers: {}, body, ...times, signal: new AbortController().signal, ...change };
}

export function ask(receiver: Partial<ReceiverEndpoint>, change: Partial<Request> = {}): Promise<Reply> {
  return testClient().send({ ...RECEIVER, ...receiver }, requestOf(change));
}

/** What is said of a request that gets no answer. @throws when it gets one */
export async function failureOf(
  receiver: Partial<ReceiverEndpoint>,
  change: Partial<Request> = {},
): Promise<Explanation & { said: string }> {
  const reply = await ask(receiver, change);
  if (reply.kind !== "failed") throw new Error(`it did not fail: ${JSON.stringify(reply)}`);
  return { ...reply.why, said: findingText(reply.why) };
}

/** Serves connections by hand. @returns `127.0.0.1:port` */
export function serveTcp(onConnection: (socket: Socket) => void): Promise<string> {
  return listenOn(createServer((socket) => void onConnection(socket.on("error", () => {}))));
}

/** Answers each connection's first bytes with STORED, behind TLS. */
export function serveTls(options: TlsOptions): Promise<string> {
  const server = createTlsServer(options, (socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(STORED));
  });
  server.on("tlsClientError", () => {});
  return listenOn(server);
}

export async function listenOn(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}
