// Faults of names, connections and links, made for real; what is no fault of one episode says so (immediate).

import { describe, expect, test } from "bun:test";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { ask, failureOf, listenOn, serveTcp } from "./support.ts";

const SHORT = { stallMs: 300, answerMs: 300 };
const LARGE = Buffer.alloc(200_000);

describe("before a connection", () => {
  test("nobody listens: the receiver is to be started", async () => {
    const why = await failureOf({ url: "http://127.0.0.1:1" });
    expect(why).toMatchObject({ kind: "connect", immediate: true, reason: "connect ECONNREFUSED" });
    expect(why.said).toBe(
      "nobody listens at 127.0.0.1:1; fix: start the receiver there, or mend the port in receiver.url: on the collector: sudo systemctl start labfleet-receiver",
    );
  });

  test("a name leads nowhere, or to several addresses of which none listens", async () => {
    expect(await failureOf({ url: "http://no-such-host.invalid" })).toMatchObject({ kind: "dns", immediate: true });
    expect(await failureOf({ url: "http://localhost:1" })).toMatchObject({ kind: "connect", immediate: true });
  });

  test("a link-local address has no interface", async () => {
    expect(await failureOf({ url: "http://[fe80::1]:8443" })).toMatchObject({ kind: "url", immediate: true });
  });
});

describe("on a connection", () => {
  for (const [what, reason, onConnection] of [
    ["that is closed at once", "network ECONNRESET", (socket) => socket.end()],
    [
      "that is reset by the first bytes",
      "network ECONNRESET",
      (socket) => socket.once("data", () => socket.resetAndDestroy()),
    ],
    ["where nobody speaks HTTP", "network HPE_INVALID_CONSTANT", (socket) => socket.write("SSH-2.0-OpenSSH_9\r\n")],
    [
      "that is cut in the middle of the answer",
      "network ECONNRESET",
      (socket) => socket.once("data", () => socket.end("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")),
    ],
    [
      "that is to become something else",
      "network sending",
      (socket) =>
        socket.once("data", () =>
          socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n`),
        ),
    ],
  ] as const satisfies readonly (readonly [string, string, Parameters<typeof serveTcp>[0]])[]) {
    test(`${what} another request may get through`, async () => {
      const why = await failureOf({ url: `http://${await serveTcp((socket) => void onConnection(socket))}` });
      expect({ kind: why.kind, immediate: why.immediate }).toEqual({ kind: "network", immediate: false });
      expect(why.reason).toBe(reason);
    });
  }

  test("that is cut in the middle of a body it is the network's fault, and not the connection's", async () => {
    const url = `http://${await serveTcp((socket) => {
      let taken = 0;
      socket.on("data", ({ length }) => {
        taken += length;
        if (taken > 300_000) socket.resetAndDestroy();
        else if (taken < 100_000) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      });
    })}`;
    const why = await failureOf({ url }, { body: Buffer.alloc(8_000_000) });
    expect(why).toMatchObject({ kind: "network", immediate: false });
  });

  test("where no answer comes the request's own time-out is named", async () => {
    const why = await failureOf({ url: `http://${await serveTcp((socket) => void socket.resume())}` }, SHORT);
    expect(why).toMatchObject({ kind: "stalled", immediate: false, reason: "stalled answering" });
    expect(why.fix.text).toContain("shipper.request_timeout_s");
  });

  test("where announcements of an answer have no end they are counted", async () => {
    const url = `http://${await serveTcp((socket) => {
      socket.once("data", () => {
        const timer = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20)), 5);
        socket.on("close", () => clearInterval(timer));
      });
    })}`;
    const why = await failureOf({ url }, { stallMs: 60_000, answerMs: 60_000 });
    expect(why).toMatchObject({ kind: "network", immediate: false });
    expect(why.what).toEndWith("257 interim answers (1xx) came, and none that is final");
  });
});

describe("a request", () => {
  async function echo(): Promise<{ url: string; seen: string[] }> {
    const seen: string[] = [];
    const server = createServer((request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        const { method, url, headers } = request;
        const length = headers["content-length"] ?? headers["transfer-encoding"] ?? "none";
        seen.push(`${method} ${url} ${length} ${Buffer.concat(chunks).toString()}`);
        response.writeHead(200, { "X-Labfleet-Receiver-Id": "7", Date: "Sun, 22 Nov 2026 12:00:00 GMT" }).end("{}");
      });
    });
    return { url: `http://${await listenOn(server)}`, seen };
  }

  test("may ask by HEAD, without a body, and by POST with a small one", async () => {
    const { url, seen } = await echo();
    const head = await ask({ url }, { method: "HEAD", body: null });
    expect(head).toMatchObject({ kind: "answer", status: 200, text: "", body: null });
    expect(head.kind === "answer" && head.headers["x-labfleet-receiver-id"]).toBe("7");
    expect(await ask({ url }, { method: "POST", body: Buffer.from('{"bytes":1}') })).toMatchObject({ body: {} });
    const path = "/v1/episodes/lab1/a.tar.zst";
    expect(seen).toEqual([`HEAD ${path} none `, `POST ${path} 11 {"bytes":1}`]);
  });

  test("that asks to wait until a date is judged by the answer's own clock", async () => {
    const server = createServer((request, response) => {
      request.resume().on("end", () => {
        const head = { Date: "Tue, 01 Jan 2030 00:00:00 GMT", "Retry-After": "Tue, 01 Jan 2030 00:00:30 GMT" };
        response.writeHead(503, head).end();
      });
    });
    const reply = await ask({ url: `http://${await listenOn(server)}` });
    expect(reply).toMatchObject({ kind: "answer", retryAfterS: 30, answeredAtMs: Date.UTC(2030, 0, 1) });
  });

  test("that is stopped says nothing else, whenever that is", async () => {
    const url = `http://${await serveTcp((socket) => void socket.resume())}`;
    const stop = new AbortController();
    const waiting = ask({ url }, { signal: stop.signal });
    stop.abort();
    expect(await waiting).toEqual({ kind: "stopped" });
    expect(await ask({ url }, { signal: AbortSignal.abort() })).toEqual({ kind: "stopped" });
  });

  test("is sent again without Expect where something knows none", async () => {
    const expects: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      expects.push(request.headers.expect);
      request.resume().on("end", () => response.writeHead(201).end());
    });
    server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      expects.push(request.headers.expect);
      response.writeHead(417).end();
    });
    expect(await ask({ url: `http://${await listenOn(server)}` }, { body: LARGE })).toMatchObject({ status: 201 });
    expect(expects).toEqual(["100-continue", undefined]);
  });
});
