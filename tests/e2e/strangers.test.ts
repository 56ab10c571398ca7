// What a started receiver does about those who connect and are nobody it knows: a handshake that fails is counted for its
// address, and more connections than there are descriptors for are turned away while it goes on answering.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { makeAuthority } from "../support/certificates.ts";
import { Fleet, HOST, until } from "../support/fleet.ts";

setDefaultTimeout(180_000);

/** A connection whose answer is kept. */
class Client implements Disposable {
  text = "";
  isClosed = false;

  constructor(readonly socket: Socket) {
    socket.on("error", () => {});
    socket.on("data", (data: Buffer) => {
      this.text += data.toString("latin1");
    });
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

test("handshakes that fail are summed by address in the day's attempts: a client that distrusts, no certificate, one of another authority, no TLS", async () => {
  await using fleet = new Fleet();
  const ours = makeAuthority(join(fleet.directory, "ours"));
  const rogue = makeAuthority(join(fleet.directory, "rogue"));
  const server = ours.issue("collector", { san: "IP:127.0.0.1" });
  fleet.options.collectorTables = `[tls]\ncertificate = "${server.certFile}"\nkey = "${server.keyFile}"\nclient_ca = "${ours.certFile}"`;
  fleet.writeCollectorConfig();
  const receiver = await fleet.startReceiver();
  const from = (localAddress: string) => ({ port: receiver.port, host: "127.0.0.1", localAddress });
  // The one that its client ends comes first: what the receiver ends itself is counted when the client sees that.
  for (const open of [
    () => connectTls({ ...from("127.0.0.3"), ca: rogue.cert, ...ours.issue(HOST) }),
    () => connectTls({ ...from("127.0.0.3"), ca: ours.cert }),
    () => connectTls({ ...from("127.0.0.3"), ca: ours.cert, ...rogue.issue(HOST) }),
    () => connect(from("127.0.0.2")).end("GET / HTTP/1.1\r\n\r\n"),
    () => connect(from("127.0.0.2")).end("GET / HTTP/1.1\r\n\r\n"),
  ]) {
    using client = new Client(open());
    await until("the connection is over", () => client.isClosed, receiver);
  }
  receiver.process.kill("SIGTERM");
  expect(await receiver.ended()).toBe(0);
  expect(fleet.attempts()).toMatchObject([
    { remote: "127.0.0.3", what: "connection", reason: "tls-handshake", count: 3 },
    { remote: "127.0.0.2", what: "connection", reason: "tls-handshake", count: 2 },
  ]);
});

/** 160 descriptors less 64 of its own, an upload each and 16 downloads. */
const [FILES, PLACES] = [160, 40];

/** A receiver with few descriptors: what it was told to serve is more than they allow. */
async function few(): Promise<{ fleet: Fleet; receiver: Awaited<ReturnType<Fleet["startReceiver"]>> }> {
  const limits = `connections_total = 1024\nuploads_total = ${PLACES}\nuploads_per_host = ${PLACES}\ndownloads_total = 16\nheader_timeout_s = 600\nmin_rate_window_s = 600`;
  const fleet = new Fleet({ openFiles: FILES, limits });
  return { fleet, receiver: await fleet.startReceiver() };
}

test("more connections than descriptors: those that say nothing make room, and who asks is answered", async () => {
  const { fleet, receiver } = await few();
  await using _ = fleet;
  const silent = Array.from({ length: 2 * FILES }, () => new Client(connect(receiver.port, "127.0.0.1")));
  const closed = (): number => silent.filter(({ isClosed }) => isClosed).length;
  await until("all but the last have made room", () => closed() >= 2 * FILES - PLACES, receiver);
  expect(closed()).toBe(2 * FILES - PLACES);
  expect((await fetch(`${receiver.url}/healthz`, { proxy: "" })).status).toBe(200);
  for (const client of silent) client[Symbol.dispose]();
});

test("all places taken by uploads of a known host: one more is told so, and comes in when one has ended", async () => {
  const { fleet, receiver } = await few();
  await using _ = fleet;
  const head = (id: string): string =>
    `PUT /v1/episodes/${HOST}/${id}.tar.zst HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fleet.token}\r\nContent-Length: 2\r\n`;
  const begin = (id: string): Client => {
    const client = new Client(connect(receiver.port, "127.0.0.1"));
    client.socket.write(`${head(id)}\r\nx`);
    return client;
  };
  const incoming = (): number => readdirSync(join(fleet.collectorData, "incoming")).length;
  const uploads = Array.from({ length: PLACES }, (_, i) => begin(`ep${i}`));
  await until("all uploads are under way", () => incoming() === PLACES, receiver);
  // It asks nothing: bytes that nobody reads would reset the connection, and take the answer with it.
  using late = new Client(connect(receiver.port, "127.0.0.1"));
  await until("one more is turned away", () => late.isClosed, receiver);
  expect(late.text).toStartWith("HTTP/1.1 503 ");
  expect(late.text).toContain('"reason":"too-many-connections"');
  for (const client of uploads) client.socket.end("y");
  await until("each is stored and told so", () => uploads.every(({ text }) => text.includes(" 201 ")), receiver);
  // The last connection has its answer before it is over.
  const health = async (): Promise<number> => (await fetch(`${receiver.url}/healthz`, { proxy: "" })).status;
  await until("there is a place again", async () => (await health()) === 200, receiver);
  for (const client of uploads) client[Symbol.dispose]();
});
