// Connections that serve one request after another: when they do, when not, and that a dead one costs a try and nothing else.

import { describe, expect, onTestFinished, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer, request as httpRequest, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { join } from "node:path";
import { openConnections } from "../../lib/client/connections.ts";
import { makeAuthority } from "../support/certificates.ts";
import { tempDir } from "../support/temp-dir.ts";
import { listenOn, RECEIVER, requestOf, serveTcp, testClient } from "./support.ts";

const take: RequestListener = (request, response) => void request.resume().on("end", () => response.end("{}"));
const NO_TLS = { ca: null, cert: null, key: null, verify: true };

/** A server that counts its connections. */
async function serve(listener: RequestListener = take): Promise<{ url: string; connections: () => number }> {
  let connections = 0;
  const server = createServer(listener).on("connection", () => connections++);
  server.keepAliveTimeout = 15_000;
  return { url: `http://${await listenOn(server)}`, connections: () => connections };
}

/** Sends one request after another over one client. @returns their statuses */
async function sendAll(url: string, count: number, change = {}, client = testClient()): Promise<(number | string)[]> {
  const statuses: (number | string)[] = [];
  for (let i = 0; i < count; i++) {
    const reply = await client.send({ ...RECEIVER, url }, requestOf(change));
    statuses.push(reply.kind === "answer" ? reply.status : reply.kind);
  }
  return statuses;
}

describe("one connection", () => {
  test("serves many requests, whatever they send", async () => {
    const { url, connections } = await serve();
    const client = testClient();
    for (const body of [null, Buffer.from("x"), Buffer.alloc(64 * 1024), Buffer.alloc(200_000)])
      expect(await sendAll(url, 2, { body }, client)).toEqual([200, 200]);
    expect(await sendAll(url, 1, { method: "HEAD", body: null }, client)).toEqual([200]);
    expect(connections()).toBe(1);
  });

  test("serves a host's requests over TLS; a renewed authority or token gets another, and so does another address", async () => {
    const dir = tempDir();
    const ca = makeAuthority(dir);
    const good = ca.issue("good", { san: "IP:127.0.0.1" });
    let connections = 0;
    const server = createTlsServer({ cert: good.cert, key: good.key }, take).on("connection", () => connections++);
    const port = (await listenOn(server)).split(":")[1];
    const [url, bundle, token] = [`https://127.0.0.1:${port}`, join(dir, "bundle"), join(dir, "token")];
    const client = testClient();
    const send = async (): Promise<number> => {
      const receiver = { ...RECEIVER, url, caBundle: bundle, bearerTokenFile: token };
      for (let i = 0; i < 2; i++)
        expect(await client.send(receiver, requestOf())).toMatchObject({ kind: "answer", status: 200 });
      return connections;
    };
    writeFileSync(bundle, ca.cert);
    writeFileSync(token, "lf_one");
    expect(await send()).toBe(1);
    writeFileSync(bundle, `${ca.cert}\n${makeAuthority(join(dir, "more")).cert}`);
    expect(await send()).toBe(2);
    writeFileSync(token, "lf_two");
    expect(await send()).toBe(3);
  });

  test("that was refused a body before it came, or got half an answer, serves no other", async () => {
    const { url, connections } = await serve();
    // By hand: an answer to the head, and the connection stays open for a body that must not come.
    let hits = 0;
    let closed = 0;
    const early = await serveTcp((socket) => {
      socket.on("close", () => closed++);
      socket.on("data", () => {
        hits++;
        socket.write("HTTP/1.1 412 No\r\nContent-Length: 2\r\n\r\n{}");
      });
      opened++;
    });
    let opened = 0;
    const client = testClient();
    expect(await sendAll(`http://${early}`, 2, { body: Buffer.alloc(200_000) }, client)).toEqual([412, 412]);
    expect({ hits, opened }).toEqual({ hits: 2, opened: 2 });
    while (closed < 2) await Bun.sleep(5);
    expect(await sendAll(url, 1, {}, client)).toEqual([200]);
    const page = await serve(
      (request, response) => void request.resume().on("end", () => response.end("x".repeat(99_999))),
    );
    expect(await sendAll(page.url, 2)).toEqual([200, 200]);
    expect([connections(), page.connections()]).toEqual([1, 2]);
  });
});

describe("a connection that was closed meanwhile", () => {
  for (const [what, secondTime] of [
    ["resets", (socket: Socket) => socket.resetAndDestroy()],
    ["ends", (socket: Socket) => socket.end()],
  ] as const) {
    test(`and ${what} at the next request costs a second try on a fresh one, and is no failure`, async () => {
      const requests: number[] = [];
      const url = `http://${await serveTcp((socket) => {
        const own = requests.push(0) - 1;
        socket.on("data", () => {
          requests[own] = (requests[own] ?? 0) + 1;
          if (requests[own] > 1) secondTime(socket);
          else socket.write("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
        });
      })}`;
      expect(await sendAll(url, 3)).toEqual([201, 201, 201]);
      // Each dead one saw the request that the next one took; the one for a second try serves no third.
      expect(requests).toEqual([2, 1, 1]);
    });
  }

  test("is not tried again when the request had begun to be answered", async () => {
    let requests = 0;
    const url = `http://${await serveTcp((socket) => {
      socket.on("data", () => {
        requests++;
        if (requests === 1) socket.write("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
        else socket.end("HTTP/1.1 201 Created\r\nContent-Length: 200\r\n\r\n{");
      });
    })}`;
    expect(await sendAll(url, 2)).toEqual([201, "failed"]);
    expect(requests).toBe(2);
  });

  test("is told from one that never served: that is tried once", async () => {
    let requests = 0;
    const url = `http://${await serveTcp((socket) => {
      socket.on("data", (data) => {
        if (data.toString("latin1").startsWith("PUT")) requests++;
        socket.resetAndDestroy();
      });
    })}`;
    expect(await sendAll(url, 1)).toEqual(["failed"]);
    expect(requests).toBe(1);
  });

  test("and a fresh one that fails too is a failure once", async () => {
    let requests = 0;
    const url = `http://${await serveTcp((socket) => {
      socket.on("data", (data) => {
        // The second look, whether TLS is spoken here, is no request.
        if (!data.toString("latin1").startsWith("PUT")) return void socket.end();
        requests++;
        if (requests === 1) socket.write("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
        else socket.resetAndDestroy();
      });
    })}`;
    expect(await sendAll(url, 2)).toEqual([201, "failed"]);
    expect(requests).toBe(3);
  });
});

test("what is acknowledged is counted for each request by itself: a stall on a connection that took much before is seen", async () => {
  let requests = 0;
  const { url, connections } = await serve((request, response) => {
    requests++;
    if (requests === 1) request.resume().on("end", () => response.end("{}"));
    else request.pause();
  });
  const client = testClient();
  const body = Buffer.alloc(64 * 1024);
  expect(await sendAll(url, 1, { body: Buffer.alloc(6_000_000) }, client)).toEqual([200]);
  const reply = await client.send({ ...RECEIVER, url }, requestOf({ body, stallMs: 400, answerMs: 400 }));
  expect(reply).toMatchObject({ kind: "failed", why: { kind: "stalled" } });
  const bytes = Number(/after (\d+) bytes/.exec(reply.kind === "failed" ? reply.why.what : "")?.[1]);
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(70_000);
  expect(connections()).toBe(1);
});

describe("the end of connections", () => {
  test("idle ones are closed after a while, and at once when the client closes; a busy one after its request", async () => {
    const open = new Set<Socket>();
    const server = createServer((request, response) => {
      request.resume().on("end", () => setTimeout(() => response.end("{}"), request.url === "/slow" ? 200 : 0));
    });
    server.keepAliveTimeout = 15_000;
    server.on("connection", (socket: Socket) => void open.add(socket.on("close", () => open.delete(socket))));
    const url = `http://${await listenOn(server)}`;
    const gone = async (): Promise<void> => {
      while (open.size > 0) await Bun.sleep(5);
    };
    const pool = openConnections(100);
    onTestFinished(pool.close);
    const get = (path: string, from = pool): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = httpRequest(url + path, { agent: from.to(url, null, NO_TLS) }, (response) => {
          response.resume().on("end", () => resolve(response.statusCode ?? 0));
        });
        sent.on("error", reject).end();
      });
    await get("/");
    expect(open.size).toBe(1);
    await gone();

    const client = testClient();
    expect(await sendAll(url, 1, {}, client)).toEqual([200]);
    expect(open.size).toBe(1);
    client.close();
    await gone();

    const busy = openConnections();
    const slow = get("/slow", busy);
    while (open.size === 0) await Bun.sleep(5);
    busy.close();
    expect(await slow).toBe(200);
    await gone();
  });
});
