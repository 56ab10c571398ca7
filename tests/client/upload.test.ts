// upload() against real servers: what goes over the wire, and what is made of what comes back.

import { describe, expect, onTestFinished, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { type TlsFiles, type Upload, upload } from "../../lib/client/upload.ts";
import { tempDir } from "../support/temp-dir.ts";

const NO_TLS: TlsFiles = { ca: null, cert: null, key: null, verify: true };
const LARGE = 3_000_000;

/** Serves HTTP by node:http; returns the base URL. */
async function serve(listener: RequestListener, events: Record<string, RequestListener> = {}): Promise<string> {
  const server = createServer(listener);
  for (const [name, handler] of Object.entries(events)) server.on(name, handler);
  return listenOn(server);
}

/** Serves a connection by hand, for what node:http would not do. */
async function serveTcp(onConnection: (socket: Socket) => void): Promise<string> {
  return listenOn(createTcpServer((socket) => void onConnection(socket.on("error", () => {}))));
}

async function listenOn(server: ReturnType<typeof createTcpServer>): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}

function job(url: string, bytes: number, change: Partial<Upload> = {}): Upload {
  const file = join(tempDir(), "archive");
  writeFileSync(file, contentOf(bytes));
  const signal = new AbortController().signal;
  return {
    url,
    headers: {},
    file,
    bytes,
    tls: NO_TLS,
    stallMs: 5000,
    answerMs: 5000,
    signal,
    moved: () => {},
    ...change,
  };
}

function contentOf(bytes: number): Buffer {
  return Buffer.alloc(bytes, "0123456789abcdef-");
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("an upload", () => {
  for (const bytes of [0, 1, 64 * 1024, 64 * 1024 + 1, LARGE]) {
    test(`of ${bytes} bytes arrives whole, by PUT, with its length and headers`, async () => {
      const seen: { line: string; headers: IncomingMessage["headers"]; isWhole: boolean }[] = [];
      const base = await serve(async (request, response) => {
        const isWhole = (await bodyOf(request)).equals(contentOf(bytes));
        seen.push({ line: `${request.method} ${request.url}`, headers: request.headers, isWhole });
        response
          .writeHead(201, { Date: "Sun, 22 Nov 2026 12:00:00 GMT", "Retry-After": "7" })
          .end('{"status":"stored"}');
      });
      const outcome = await upload(job(`${base}/v1/episodes/a/b.tar.zst`, bytes, { headers: { "X-Test": "yes" } }));
      expect(outcome).toMatchObject({
        kind: "answer",
        status: 201,
        headers: { "retry-after": "7", date: "Sun, 22 Nov 2026 12:00:00 GMT" },
        text: '{"status":"stored"}',
      });
      const headers = { "content-length": String(bytes), "x-test": "yes" };
      expect(seen).toMatchObject([{ line: "PUT /v1/episodes/a/b.tar.zst", headers, isWhole: true }]);
      expect(seen[0]?.headers["transfer-encoding"]).toBeUndefined();
    });
  }

  for (const bytes of [0, 1, LARGE]) {
    test(`of ${bytes} bytes from memory needs no file`, async () => {
      const base = await serve(async (request, response) => {
        response.end(String((await bodyOf(request)).equals(contentOf(bytes))));
      });
      expect(await upload(job(base, 0, { file: contentOf(bytes), bytes }))).toMatchObject({ text: "true" });
    });
  }

  test("sends no more than the bytes it was told, though the file grew", async () => {
    const base = await serve(async (request, response) => {
      response.end(String((await bodyOf(request)).length));
    });
    expect(await upload(job(base, 200_000, { bytes: 100_000 }))).toMatchObject({ status: 200, text: "100000" });
  });

  test("reports that bytes moved", async () => {
    let moves = 0;
    const base = await serve((request, response) => void request.resume().on("end", () => response.end()));
    await upload(job(base, LARGE, { moved: () => moves++, stallMs: 400 }));
    const slowly = await serve((request, response) => {
      request.resume().on("end", () => setTimeout(() => response.end(), 250));
    });
    await upload(job(slowly, LARGE, { moved: () => moves++, stallMs: 400 }));
    expect(moves).toBeGreaterThan(0);
  });

  test("does not follow a redirect, and keeps the first 64 KiB of an endless answer's text", async () => {
    let hits = 0;
    const base = await serve((request, response) => {
      hits++;
      request.resume().on("end", () => response.writeHead(302, { Location: "/elsewhere" }).end("x".repeat(200_000)));
    });
    const outcome = await upload(job(base, 10));
    expect(outcome).toMatchObject({ kind: "answer", status: 302 });
    expect([hits, outcome.kind === "answer" ? outcome.text.length : 0]).toEqual([1, 64 * 1024]);
  });

  test("ignores the environment's proxies", async () => {
    const base = await serve((request, response) => void request.resume().on("end", () => response.end("direct")));
    const names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"];
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = "http://127.0.0.1:9";
    try {
      expect(await upload(job(base, 10))).toMatchObject({ kind: "answer", text: "direct" });
    } finally {
      for (const [i, name] of names.entries()) {
        const value = before[i];
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
});

describe("Expect: 100-continue", () => {
  test("asks before a large body: a refusal costs the header and no byte of the body", async () => {
    let received = "";
    const base = await serveTcp((socket) => {
      socket.on("data", (data) => {
        received += data.toString("latin1");
        if (received.includes("\r\n\r\n")) {
          socket.end("HTTP/1.1 412 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
        }
      });
    });
    expect(await upload(job(base, LARGE))).toMatchObject({ kind: "answer", status: 412, text: "{}" });
    expect(received.toLowerCase()).toContain("expect: 100-continue");
    expect(received.slice(received.indexOf("\r\n\r\n") + 4)).toBe("");
  });

  test("does not ask before a small one", async () => {
    const base = await serve(async (request, response) => {
      await bodyOf(request);
      response.end(request.headers.expect ?? "none");
    });
    expect(await upload(job(base, 64 * 1024))).toMatchObject({ text: "none" });
  });

  test("does not wait for ever for a server that knows no Expect", async () => {
    const base = await serveTcp((socket) => {
      let received = 0;
      socket.on("data", (data) => {
        received += data.length;
        if (received > LARGE) socket.end("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
      });
    });
    expect(await upload(job(base, LARGE))).toMatchObject({ kind: "answer", status: 201 });
  });

  test("a continue and then a refusal in the middle of the body is still a status, if the server reads on as ours does", async () => {
    // By hand: node:http closes the connection when an answer ends before the body.
    const base = await serveTcp((socket) => {
      let parts = 0;
      socket.on("data", () => {
        parts++;
        if (parts === 1) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
        if (parts === 2) socket.write("HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 4\r\n\r\nfull");
      });
    });
    expect(await upload(job(base, 400_000))).toMatchObject({ kind: "answer", status: 507, text: "full" });
  });
});

describe("an upload that fails", () => {
  test("because nobody listens is the network's fault", async () => {
    const outcome = await upload(job("http://127.0.0.1:1/", 10));
    expect(outcome).toMatchObject({ kind: "failed", cause: "network" });
    expect("detail" in outcome ? outcome.detail : "").not.toBe("");
  });

  test("because the name does not exist is the network's fault", async () => {
    expect(await upload(job("http://no-such-host.invalid/", 10))).toMatchObject({ kind: "failed", cause: "network" });
  });

  for (const [what, onConnection] of Object.entries<(socket: Socket) => void>({
    "closed at once": (socket) => void socket.end(),
    "reset after the header": (socket) => void socket.once("data", () => socket.resetAndDestroy()),
    "no HTTP": (socket) => void socket.once("data", () => socket.end("SSH-2.0-OpenSSH_9\r\n")),
    "cut within the answer": (socket: Socket) =>
      void socket.once("data", () => socket.end("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")),
  })) {
    test(`because the connection was ${what} is the network's fault`, async () => {
      expect(await upload(job(await serveTcp(onConnection), 10))).toMatchObject({ kind: "failed", cause: "network" });
    });
  }

  test("because interim answers come for ever, and no final one, is the network's fault, long before its time is up", async () => {
    let closed = false;
    const base = await serveTcp((socket) => {
      const goOn = (): void => {
        while (!closed && socket.write("HTTP/1.1 102 Processing\r\n\r\n"));
      };
      socket.on("drain", goOn).on("close", () => {
        closed = true;
      });
      socket.once("data", goOn);
    });
    expect(await upload(job(base, 10, { stallMs: 30_000, answerMs: 30_000 }))).toMatchObject({
      kind: "failed",
      cause: "network",
      detail: "257 interim answers (1xx) came, and none that is final",
      gaveSign: true,
    });
    while (!closed) await Bun.sleep(5);
  });

  for (const [what, held] of [
    ["too short", 50_000],
    ["empty", 0],
  ] as const) {
    test(`because our file is ${what} is our own fault`, async () => {
      const base = await serve((request) => void request.resume());
      const short = job(base, held, { bytes: 100_000 });
      const outcome = await upload(short);
      expect(outcome).toMatchObject({ kind: "failed", cause: "local" });
      expect("detail" in outcome ? outcome.detail : "").toContain(String(short.file));
    });
  }

  test("because our file is gone is our own fault", async () => {
    const base = await serve((request) => void request.resume());
    const outcome = await upload(job(base, 10, { file: "/nowhere/archive" }));
    expect(outcome).toMatchObject({ kind: "failed", cause: "local" });
  });
});
