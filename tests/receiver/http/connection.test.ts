// Connections: one request at a time, in order; nothing is read while one is under way; a bounded number of them; an end of
// the client's side is no end of its answer. Counted in requests and bytes, never in memory.

import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as net from "node:net";
import * as tls from "node:tls";
import { connectionRefusal } from "../../../lib/receiver/answering/answers.ts";
import type { Fetch } from "../../../lib/receiver/http/exchange.ts";
import { type BadConnection, type Listener, type ListenOptions, listen } from "../../../lib/receiver/listen/listen.ts";
import { connectionsWithin } from "../../../lib/receiver/listen/listen-options.ts";
import { makeAuthority } from "../../support/certificates.ts";
import {
  bytes,
  cleanUp,
  IDENTITY,
  onCleanUp,
  rawClient,
  reprDigest,
  startReceiver,
  tempDir,
  until,
} from "../support.ts";

afterEach(cleanUp);

const get = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

interface Served extends Listener {
  port: number;
  bad: BadConnection[];
}

async function serve(fetch: Fetch, options: Partial<ListenOptions> = {}): Promise<Served> {
  const bad: BadConnection[] = [];
  const listener = await listen(fetch, {
    host: "127.0.0.1",
    port: 0,
    tls: null,
    rate: { minBytesPerS: 1, windowS: 60 },
    // No limit of time is in question here.
    headerTimeoutS: 3600,
    keepAliveTimeoutS: 3600,
    connectionsTotal: 100,
    onBadConnection: (what) => void bad.push(what),
    refusalAnswer: (refusal) => connectionRefusal(refusal, IDENTITY),
    ...options,
  });
  onCleanUp(() => {
    listener.close();
    listener.destroy();
  });
  return Object.assign(listener, { port: listener.address.port, bad });
}

/** Whether the server's side of a connection to this port is open (proc(5), net/tcp: local address, peer, state 1). */
function isConnected(port: number): boolean {
  const local = port.toString(16).toUpperCase().padStart(4, "0");
  return new RegExp(`:${local} [0-9A-F]+:[0-9A-F]{4} 01 `).test(readFileSync("/proc/net/tcp", "utf8"));
}

describe("requests that were sent ahead", () => {
  test("are answered one after the other, in order, each when the one before is through", async () => {
    let atOnce = 0;
    let most = 0;
    const { port } = await serve(async (_, { target, body }) => {
      most = Math.max(most, ++atOnce);
      await Bun.sleep(1);
      while (typeof (await body.read()) !== "string");
      atOnce--;
      return new Response(`<${target.slice(1)}>`);
    });
    const client = await rawClient(port);
    const post = (i: number) => `POST /${i} HTTP/1.1\r\nHost: x\r\nContent-Length: ${i}\r\n\r\n${"b".repeat(i)}`;
    await client.send(Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? get(`/${i}`) : post(i))).join(""));
    await client.seen("<59>");
    expect([...client.text().matchAll(/<(\d+)>/g)].map(([, n]) => Number(n))).toEqual(
      Array.from({ length: 60 }, (_, i) => i),
    );
    expect(most).toBe(1);
  });

  test("of one client do not keep another one waiting: 20,000 of them, and it is served after a few", async () => {
    let flooded = 0;
    const { port } = await serve((_, { target }) => {
      if (target === "/flood") flooded++;
      return new Response("ok");
    });
    const flood = await rawClient(port);
    void flood.send(get("/flood").repeat(20_000));
    await until(() => flooded > 0);
    const other = await rawClient(port);
    const before = flooded;
    await other.send(get("/other"));
    await other.seen("ok");
    expect(flooded - before).toBeLessThan(2000);
    await until(() => flooded === 20_000);
  }, 180_000);

  test.each(["plain", "tls"])(
    "are not read from the network while one is under way (%s)",
    async (kind) => {
      const gate = Promise.withResolvers<void>();
      let served = 0;
      const ca = makeAuthority(tempDir());
      const pair = ca.issue("server", { san: "IP:127.0.0.1" });
      const { port } = await serve(
        async () => {
          served++;
          await gate.promise;
          return new Response("ok");
        },
        { tls: kind === "tls" ? { certificate: pair.cert, key: pair.key, clientCa: null } : null },
      );
      const client =
        kind === "tls" ? tls.connect({ port, host: "127.0.0.1", ca: ca.cert }) : net.connect(port, "127.0.0.1");
      onCleanUp(() => client.destroy());
      client.on("error", () => undefined);
      await new Promise((resolve) => client.once(kind === "tls" ? "secureConnect" : "connect", resolve));
      // More than the buffers of both kernels take: some of it stays here for as long as nobody reads it there.
      client.write(get("/"));
      client.write(Buffer.alloc(40_000_000, get("/", `X-A: ${"b".repeat(8000)}\r\n`)));
      await until(() => served === 1);
      // Until nothing has moved for a second.
      let left = -1;
      for (let still = 0; still < 20; still = left === client.writableLength ? still + 1 : 0) {
        left = client.writableLength;
        await Bun.sleep(50);
      }
      expect(left).toBeGreaterThan(10_000_000);
      expect(served).toBe(1);
      gate.resolve();
      await until(() => client.writableLength < left);
    },
    180_000,
  );

  test("of four hundred connections have a four-hundredth of what is kept: one that sent more is ended after its answer", async () => {
    let served = 0;
    const { port } = await serve(
      () => {
        served++;
        return new Response("ok");
      },
      { connectionsTotal: 500 },
    );
    await Promise.all(Array.from({ length: 399 }, () => rawClient(port)));
    const greedy = await rawClient(port);
    greedy.socket.write(get("/").repeat(20_000));
    await greedy.closed;
    expect(greedy.text()).toStartWith("HTTP/1.1 200 OK");
    expect(served).toBeGreaterThan(0);
    expect(served).toBeLessThan(20_000);
  }, 180_000);

  test("and an answer that nobody takes: what came ahead is dropped, and the client is let go", async () => {
    let served = 0;
    const { port } = await serve(
      () => {
        served++;
        return new Response("x".repeat(60_000));
      },
      { rate: { minBytesPerS: 1000, windowS: 0.2 } },
    );
    const client = await rawClient(port);
    client.socket.pause();
    client.socket.write(get("/").repeat(50_000));
    await until(() => served > 0);
    await until(() => !isConnected(port));
    const before = served;
    client.socket.resume();
    await client.closed;
    expect(served).toBe(before);
    expect(served).toBeLessThan(5000);
  }, 180_000);
});

describe("a client that ends its side", () => {
  const body = bytes(300_000);
  const put = `PUT /v1/episodes/lab1/ep1.tar.zst HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\nRepr-Digest: ${reprDigest(body)}\r\n\r\n`;
  test("after a whole PUT gets its answer, and then the end", async () => {
    const receiver = await startReceiver();
    const socket = net.connect({ port: receiver.port, host: "127.0.0.1", allowHalfOpen: true });
    let text = "";
    socket.on("data", (data) => {
      text += data;
    });
    const ended = new Promise((resolve) => socket.once("end", resolve));
    socket.write(put);
    socket.end(body);
    await ended;
    socket.destroy();
    expect(text).toStartWith("HTTP/1.1 201 Created\r\n");
    expect(text).toContain('"status":"stored"');
    expect(receiver.rows()).toHaveLength(1);
  });
  test("the same with TLS", async () => {
    const ca = makeAuthority(tempDir());
    const { cert, key } = ca.issue("server", { san: "IP:127.0.0.1" });
    const receiver = await startReceiver({ listen: { tls: { certificate: cert, key, clientCa: null } } });
    const options = { port: receiver.port, host: "127.0.0.1", ca: ca.cert, allowHalfOpen: true };
    const socket = tls.connect(options as tls.ConnectionOptions);
    let text = "";
    socket.on("data", (data) => {
      text += data;
    });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    const ended = new Promise((resolve) => socket.once("end", resolve));
    socket.write(put);
    socket.end(body);
    await ended;
    socket.destroy();
    expect(text).toStartWith("HTTP/1.1 201 Created\r\n");
    expect(receiver.rows()).toHaveLength(1);
  });
  test("in the middle of a body has sent no episode: 499, nothing is stored", async () => {
    const receiver = await startReceiver();
    const client = await rawClient(receiver.port);
    await client.send(put);
    client.socket.end(body.subarray(1));
    await until(() => receiver.log.lines.some((line) => line.includes("the connection ended before the body")));
    expect(await receiver.attemptRows()).toMatchObject([{ status: 499, reason: "client-gone" }]);
    expect([receiver.rows(), receiver.incoming()]).toEqual([[], []]);
  });
  test.each(["", "GET / HT", get("/healthz")])("after %j: the connection is closed", async (sent) => {
    const receiver = await startReceiver();
    const client = await rawClient(receiver.port);
    client.socket.end(sent);
    expect(await client.closed).toBe("end");
  });
});

describe("a head that is too large", () => {
  test.each([
    ["16 KiB in one line", `GET /${"a".repeat(17_000)}`],
    ["16 KiB in one field", `${get("/", `X-A: ${"b".repeat(17_000)}\r\n`)}`],
    ["301 fields", get("/", "X-A: b\r\n".repeat(300))],
  ])("(%s) is 431, as a problem, counted, and the end", async (_, head) => {
    const receiver = await startReceiver();
    const client = await rawClient(receiver.port);
    await client.send(head);
    expect(await client.closed).toBe("end");
    const [answerHead = "", body = ""] = client.text().split("\r\n\r\n");
    expect(answerHead).toStartWith("HTTP/1.1 431 Request Header Fields Too Large\r\n");
    expect(answerHead).toContain("content-type: application/problem+json");
    expect(answerHead).toContain("connection: close");
    expect(JSON.parse(body)).toMatchObject({ status: 431, reason: "head-too-large", receiver_id: IDENTITY.id });
    expect(await receiver.sums()).toMatchObject([{ what: "connection", reason: "head-too-large", count: 1 }]);
  });
});

describe("more connections than there are places:", () => {
  test("who has waited longest makes room; one with a request never does, and is answered", async () => {
    const gate = Promise.withResolvers<void>();
    let served = 0;
    const { port } = await serve(
      async (_, { known }) => {
        known();
        served++;
        await gate.promise;
        return new Response("ok");
      },
      { connectionsTotal: 3 },
    );
    const busy = await rawClient(port);
    await busy.send(get("/"));
    await until(() => served === 1);
    const idle = [await rawClient(port), await rawClient(port)];
    const late = await rawClient(port);
    expect(await idle[0]?.closed).toBe("end");
    await late.send(get("/"));
    await until(() => served === 2);
    gate.resolve();
    await Promise.all([busy.seen("ok"), late.seen("ok")]);
    expect(idle[1]?.socket.destroyed).toBe(false);
  });
  test("where all are at work a new one is told so, and comes in when one has ended", async () => {
    const gate = Promise.withResolvers<void>();
    let served = 0;
    const { port, bad } = await serve(
      async (_, { known }) => {
        known();
        served++;
        await gate.promise;
        return new Response("ok");
      },
      { connectionsTotal: 1 },
    );
    const busy = await rawClient(port);
    await busy.send(get("/", "Connection: close\r\n"));
    await until(() => served === 1);
    const late = await rawClient(port);
    expect(await late.closed).toBe("end");
    expect(late.text()).toStartWith("HTTP/1.1 503 ");
    expect(late.text()).toContain("retry-after: 10\r\n");
    expect(late.text()).toContain('"reason":"too-many-connections"');
    expect(bad).toMatchObject([{ what: "connection", reason: "too-many-connections" }]);
    gate.resolve();
    await busy.closed;
    const next = await rawClient(port);
    await next.send(get("/"));
    await next.seen("ok");
  });
  test("there are never more places than descriptors", () => {
    const limits = { connectionsTotal: 1024, uploadsTotal: 32, downloadsTotal: 16 };
    expect([1e9, 1024, 200, 20].map((files) => connectionsWithin(limits, files))).toEqual([1024, 912, 88, 16]);
  });
});

test("a handshake that fails is counted for its address, and one that never begins makes room for others", async () => {
  const ca = makeAuthority(tempDir());
  const { cert, key } = ca.issue("server", { san: "IP:127.0.0.1" });
  const { port, bad } = await serve(() => new Response("ok"), {
    tls: { certificate: cert, key, clientCa: null },
    connectionsTotal: 2,
  });
  const plain = await rawClient(port);
  await plain.send(get("/"));
  await plain.closed;
  await until(() => bad.length === 1);
  expect(bad).toMatchObject([{ what: "connection", reason: "tls-handshake" }]);
  expect(bad[0]?.remote).toMatch(/^127\.0\.0\.1:\d+$/);
  const silent = [await rawClient(port), await rawClient(port)];
  const client = tls.connect({ port, host: "127.0.0.1", ca: ca.cert });
  onCleanUp(() => client.destroy());
  await new Promise((resolve) => client.once("secureConnect", resolve));
  await silent[0]?.closed;
});

test("over TLS, too, one that finds no place is counted", async () => {
  const ca = makeAuthority(tempDir());
  const { cert, key } = ca.issue("server", { san: "IP:127.0.0.1" });
  const gate = Promise.withResolvers<void>();
  let served = 0;
  const work: Fetch = async (_, { known }) => {
    known();
    served++;
    await gate.promise;
    return new Response("ok");
  };
  const { port, bad } = await serve(work, { tls: { certificate: cert, key, clientCa: null }, connectionsTotal: 1 });
  const busy = tls.connect({ port, host: "127.0.0.1", ca: ca.cert });
  onCleanUp(() => busy.destroy());
  busy.write(get("/"));
  await until(() => served === 1);
  const late = await rawClient(port);
  await late.closed;
  expect(bad).toMatchObject([{ what: "connection", reason: "too-many-connections" }]);
  gate.resolve();
});

test("TLS that comes to a plain port is answered at once, not when its head is overdue: its client can tell what is wrong", async () => {
  const { port } = await serve(() => Promise.resolve(new Response()), { headerTimeoutS: 3600 });
  const client = await rawClient(port);
  await client.send("\x16\x03\x01\x02\0\x01");
  await client.seen("HTTP/1.1 400 ");
  await client.closed;
});
