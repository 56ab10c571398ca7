// TLS and client certificates: who gets in, and that nobody else does, a thousand times over.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tls from "node:tls";
import { peerNames } from "../../../lib/receiver/listen/peer.ts";
import { type Authority, makeAuthority, type Pair } from "../../support/certificates.ts";
import { bytes, cleanUp, startReceiver, type TestReceiver, until } from "../support.ts";

let dir = "";
let ca: Authority;
let rogue: Authority;
let server: Pair;
let lab1: Pair;
let closed: TestReceiver;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "labfleet-tls-"));
  ca = makeAuthority(join(dir, "ca"));
  rogue = makeAuthority(join(dir, "rogue"));
  server = ca.issue("server", { san: "IP:127.0.0.1,DNS:collector" });
  lab1 = ca.issue("lab1");
  closed = await startReceiver({
    listen: { tls: { certificate: server.cert, key: server.key, clientCa: ca.cert }, headerTimeoutS: 1 },
  });
});
afterAll(async () => {
  await cleanUp();
  rmSync(dir, { recursive: true, force: true });
});

/** PUTs with a certificate; resolves with the status, or "refused" when no answer came. */
function put(
  receiver: TestReceiver,
  pair: Pair | null,
  host: string,
  id: string,
  body = bytes(200_000),
): Promise<number | "refused"> {
  return new Promise((resolve) => {
    const req = request(
      `https://127.0.0.1:${receiver.port}/v1/episodes/${host}/${id}.tar.zst`,
      {
        method: "PUT",
        agent: false,
        ca: ca.cert,
        ...pair,
        headers: { "Content-Length": body.length, Expect: "100-continue" },
      },
      (res) => {
        res.resume();
        resolve(res.statusCode ?? 0);
        req.destroy();
      },
    );
    req.on("continue", () => req.end(body));
    req.on("error", () => resolve("refused"));
    req.on("close", () => resolve("refused"));
    req.flushHeaders();
  });
}

describe("a client certificate", () => {
  test("of the fleet's authority lets its own host in, by CN or by SAN", async () => {
    expect(await put(closed, lab1, "lab1", "ep1")).toBe(201);
    expect(await put(closed, ca.issue("san", { cn: "", san: "DNS:lab7,DNS:lab8" }), "lab8", "ep1")).toBe(201);
  });
  test("does not let it write under another host's name", async () => {
    expect(await put(closed, lab1, "lab2", "ep1")).toBe(403);
    expect(await put(closed, ca.issue("nameless", { cn: "" }), "lab1", "ep9")).toBe(403);
    // A name that carries another name within.
    expect(await put(closed, ca.issue("sly", { cn: "lab1, CN=lab2" }), "lab2", "ep1")).toBe(403);
  });
  test("none, of another authority, expired: no answer at all", async () => {
    expect(await put(closed, null, "lab1", "ep2")).toBe("refused");
    expect(await put(closed, rogue.issue("lab1"), "lab1", "ep2")).toBe("refused");
    expect(await put(closed, ca.issue("old", { cn: "lab1", days: -1 }), "lab1", "ep2")).toBe("refused");
    const self = rogue;
    expect(await put(closed, self, "lab1", "ep2")).toBe("refused");
  });
  test("in 1,000 handshakes with wrong ones not one gets in, and the right one still does (oven-sh/bun#27985)", async () => {
    const wrong: [Pair | null, string][] = [
      [rogue.issue("rogue", { cn: "lab1" }), "lab1"],
      [ca.issue("expired", { cn: "lab1", days: -1 }), "lab1"],
      [lab1, "lab2"],
      [null, "lab1"],
    ];
    const answers = new Map<number | "refused", number>();
    // One that is patient, however busy this machine is.
    const receiver = await startReceiver({
      listen: { tls: { certificate: server.cert, key: server.key, clientCa: ca.cert } },
    });
    let left = 1000;
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (left-- > 0) {
          const [pair, host] = wrong[left % wrong.length] ?? [null, ""];
          const answer = await put(receiver, pair, host, `try${left}`, bytes(1000));
          answers.set(answer, (answers.get(answer) ?? 0) + 1);
        }
      }),
    );
    expect(Object.fromEntries(answers)).toEqual({ refused: 750, 403: 250 });
    expect(receiver.rows()).toEqual([]);
    expect(await put(receiver, lab1, "lab1", "after")).toBe(201);
  }, 180_000);
  test("a session that was resumed is still the same host's", async () => {
    const session = await new Promise<Buffer>((resolve) => {
      const socket = tls.connect({ port: closed.port, host: "127.0.0.1", ca: ca.cert, ...lab1 });
      socket.on("session", resolve);
      socket.on("secureConnect", () => socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
    });
    // Without a certificate of its own: whatever the server makes of it, it must not be lab2.
    const status = await new Promise<string>((resolve) => {
      const socket = tls.connect({ port: closed.port, host: "127.0.0.1", ca: ca.cert, session });
      socket.on("secureConnect", () =>
        socket.write("PUT /v1/episodes/lab2/x.tar.zst HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
      );
      socket.on("data", (data) => resolve(String(data).slice(9, 12)));
      socket.on("error", () => resolve("refused"));
      socket.on("close", () => resolve("refused"));
    });
    expect(["403", "refused"]).toContain(status);
  });
});

test("a client that connects and says nothing, or breaks off in the handshake, is let go", async () => {
  const silent = net.connect(closed.port, "127.0.0.1");
  const broken = net.connect(closed.port, "127.0.0.1", () => broken.end("\x16\x03\x01\x00"));
  silent.on("error", () => undefined);
  broken.on("error", () => undefined);
  await until(() => silent.closed && broken.closed);
  expect(await put(closed, lab1, "lab1", "after-silence")).toBe(201);
});

test("a connection that never sends its headers is closed, under TLS too", async () => {
  const socket = tls.connect({ port: closed.port, host: "127.0.0.1", ca: ca.cert, ...lab1 });
  socket.on("secureConnect", () => socket.write("PUT /v1/x HTTP/1.1\r\nX-a: "));
  socket.on("error", () => undefined);
  await until(() => socket.closed);
});

describe("TLS without client certificates", () => {
  test("takes an upload whole, refuses early, and streams an archive back", async () => {
    const receiver = await startReceiver({
      listen: { tls: { certificate: server.cert, key: server.key, clientCa: null } },
      rules: { maxBytes: 30_000_000 },
    });
    expect(await put(receiver, null, "lab1", "ep1", bytes(20_000_000))).toBe(201);
    expect(await put(receiver, null, "lab1", "ep2", bytes(31_000_000))).toBe(413);
    const file = join(dir, "back");
    writeFileSync(join(dir, "ca.pem"), ca.cert);
    const curl = Bun.spawn([
      "curl",
      "-sS",
      "--cacert",
      join(dir, "ca.pem"),
      "-o",
      file,
      `https://127.0.0.1:${receiver.port}/v1/episodes/lab1/ep1.tar.zst`,
    ]);
    expect(await curl.exited).toBe(0);
    expect(Buffer.from(await Bun.file(file).bytes()).equals(bytes(20_000_000))).toBe(true);
  });

  test("a slow disk slows the client here too: of 200 MB it is never 60 ahead of the disk", async () => {
    const { realDisk } = await import("../../../lib/receiver/store/files/disk.ts");
    let written = 0;
    let mostAhead = 0;
    let sent = (): number => 0;
    const write = async (_fd: number, chunk: Uint8Array): Promise<void> => {
      await Bun.sleep(1);
      written += chunk.length;
      mostAhead = Math.max(mostAhead, sent() - written);
    };
    const receiver = await startReceiver({
      disk: { ...realDisk, write },
      listen: { tls: { certificate: server.cert, key: server.key, clientCa: null } },
    });
    const file = join(dir, "zeros");
    writeFileSync(file, "");
    truncateSync(file, 200_000_000);
    const curl = Bun.spawn([
      "curl",
      "-sS",
      "-o",
      "/dev/null",
      "-w",
      "%{http_code}",
      "-k",
      "-T",
      file,
      `https://127.0.0.1:${receiver.port}/v1/episodes/lab1/zeros.tar.zst`,
    ]);
    sent = () => positionIn(curl.pid, file);
    expect(await curl.stdout.text()).toBe("201");
    // In the buffers of both kernels' sides, TLS and ours; it was seen on its way, too.
    expect(mostAhead).toBeWithin(1, 60_000_000);
  }, 180_000);
});

/** How far a process has read a file that it holds open, bytes; 0 once it has closed it (proc(5), fdinfo). */
function positionIn(pid: number, file: string): number {
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      if (readlinkSync(`/proc/${pid}/fd/${fd}`) !== file) continue;
      return Number(/^pos:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8"))?.[1] ?? 0);
    } catch {
      // Closed since it was listed.
    }
  }
  return 0;
}

test("names of a certificate: CN and DNS names; what had to be quoted is no host's name", () => {
  expect(peerNames({ subject: { CN: "lab1" } })).toEqual(["lab1"]);
  expect(
    peerNames({ subject: { CN: ["lab1", "lab2"] }, subjectaltname: "DNS:lab3, IP Address:10.0.0.1, DNS:lab4" }),
  ).toEqual(["lab1", "lab2", "lab3", "lab4"]);
  expect(peerNames({ subjectaltname: 'DNS:"lab1, DNS:lab2", URI:http://x/\\", DNS:lab5' })).not.toContain("lab2");
  expect(peerNames({ subjectaltname: "URI:DNS:lab1, email:DNS:lab2" })).toEqual([]);
  expect(peerNames({})).toEqual([]);
});
