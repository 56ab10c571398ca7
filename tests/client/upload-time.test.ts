// When upload() gives up: a dead peer soon, a slow one never, and at once when it is told to. The limits here are short, and
// time goes with our own turns (countTurns): a machine that is busy meets no limit, and lengthens no time that is compared.

import { describe, expect, onTestFinished, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type Upload, type UploadOutcome, upload } from "../../lib/client/upload.ts";
import { tempDir } from "../support/temp-dir.ts";
import { countTurns } from "../support/turn-clock.ts";

/** More than a loopback connection's kernel buffers take. */
const LARGE = 32 * 1024 * 1024;
/** A limit that is not the one in question: who meets it has waited for longer than any test may take. */
const NEVER_MS = 3_600_000;

async function serve(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.push(socket.on("error", () => {}));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`;
}

async function run(
  url: string,
  bytes: number,
  change: Partial<Upload>,
): Promise<{ outcome: UploadOutcome; ms: number }> {
  countTurns();
  const file = join(tempDir(), "archive");
  writeFileSync(file, Buffer.alloc(bytes));
  const tls = { ca: null, cert: null, key: null, verify: true };
  const times = { stallMs: NEVER_MS, answerMs: NEVER_MS };
  const signal = new AbortController().signal;
  const startedAt = performance.now();
  const outcome = await upload({
    url,
    headers: {},
    file,
    bytes,
    tls,
    ...times,
    signal,
    moved: () => {},
    expectContinue: false,
    ...change,
  });
  return { outcome, ms: performance.now() - startedAt };
}

describe("a peer", () => {
  test("that takes nothing is given up after the stall time, and not long after", async () => {
    const { outcome, ms } = await run(await serve(() => {}), LARGE, { stallMs: 400 });
    expect(outcome).toMatchObject({ kind: "failed", cause: "stalled" });
    expect(ms).toBeGreaterThanOrEqual(400);
    expect(ms).toBeLessThan(4000);
  });

  test("that takes nothing has not got what lies in our own kernel: the time for its answer has not begun", async () => {
    // More than the peer's buffer, less than both: the last byte is written, and never acknowledged.
    const { outcome } = await run(await serve(() => {}), 200_000, { stallMs: 400 });
    expect(outcome).toMatchObject({ kind: "failed", cause: "stalled", phase: "sending" });
  });

  test("that never says continue is given up after the stall time too", async () => {
    const url = await serve((socket) => void socket.resume());
    const { outcome } = await run(url, LARGE, { stallMs: 300, expectContinue: true });
    expect(outcome).toMatchObject({ kind: "failed", cause: "stalled" });
  });

  test("that takes little, but takes, is never given up however long it needs", async () => {
    const stallMs = 300;
    const startedAt = performance.now();
    const url = await serve((socket) => {
      // Reads a bite, rests a third of the stall time, and answers after five stall times.
      const bite = (): void => {
        if (performance.now() - startedAt > stallMs * 5) {
          socket.end("HTTP/1.1 503 Slow\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
          return;
        }
        socket.resume();
        socket.once("data", () => {
          socket.pause();
          setTimeout(bite, stallMs / 3);
        });
      };
      bite();
    });
    const { outcome } = await run(url, LARGE, { stallMs });
    // Counted as the peer does: this machine may have been busy before the upload began.
    expect(performance.now() - startedAt).toBeGreaterThan(stallMs * 4);
    expect(outcome).not.toMatchObject({ cause: "stalled" });
  });

  test("that took everything may think for as long as the answer may take, not the stall time", async () => {
    const url = await serve((socket) => {
      socket.resume();
      setTimeout(() => socket.end("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"), 900);
    });
    const { outcome } = await run(url, 1000, { stallMs: 200, answerMs: 20_000 });
    expect(outcome).toMatchObject({ kind: "answer", status: 201 });
  });

  test("that took everything and never answers is given up after the answer time", async () => {
    const { outcome } = await run(await serve((socket) => void socket.resume()), 1000, { answerMs: 400 });
    expect(outcome).toMatchObject({ kind: "failed", cause: "stalled" });
    expect("detail" in outcome ? outcome.detail : "").toContain("no answer came");
  });
});

describe("an answer", () => {
  const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
  /** Writes `text` again and again; the peer has taken the request, and says so. */
  const trickle = (head: string, text: string, everyMs: number) => (socket: Socket) => {
    socket.resume();
    socket.once("data", () => {
      socket.write(head);
      const timer = setInterval(() => socket.write(text), everyMs);
      socket.on("close", () => clearInterval(timer));
    });
  };

  for (const [what, head, said] of [
    ["whose body comes byte by byte and has no end", `${HEAD}\r\n`, "its answer, status 200, was not complete"],
    ["whose head comes byte by byte and has no end", `${HEAD}X-Slow: `, "no answer came"],
    ["that is announced again and again", "HTTP/1.1 102 Processing\r\n\r\n", "no answer came"],
  ] as const) {
    test(`${what} is given up after the answer time: its bytes are no progress`, async () => {
      const again = head.startsWith("HTTP/1.1 102") ? head : "x";
      const { outcome } = await run(await serve(trickle(head, again, 40)), 1000, { answerMs: 400 });
      expect(outcome).toMatchObject({ kind: "failed", cause: "stalled" });
      expect("detail" in outcome ? outcome.detail : "").toContain(said);
    });
  }

  test("that floods is read up to 64 KiB, and that is the answer", async () => {
    const url = await serve(trickle(`${HEAD}\r\n`, "x".repeat(50_000), 5));
    const { outcome } = await run(url, 1000, {});
    expect(outcome).toMatchObject({ kind: "answer", status: 200 });
    expect(outcome.kind === "answer" && outcome.text.length).toBe(64 * 1024);
  });

  test("that is slow, but whole in its time, is one", async () => {
    const url = await serve((socket) => {
      socket.resume();
      socket.once("data", () => {
        socket.write("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{");
        setTimeout(() => socket.end("}"), 700);
      });
    });
    const { outcome } = await run(url, 1000, { stallMs: 200, answerMs: 20_000 });
    expect(outcome).toMatchObject({ kind: "answer", status: 201, text: "{}" });
  });
});

test("the whole has a time of its own, however steadily the peer takes a little", async () => {
  const url = await serve((socket) => {
    const bite = (): void => {
      socket.resume();
      socket.once("data", () => {
        socket.pause();
        setTimeout(bite, 50);
      });
    };
    bite();
  });
  const { outcome } = await run(url, LARGE, { totalMs: 600 });
  expect(outcome).toMatchObject({ kind: "failed", cause: "stalled" });
  expect("detail" in outcome ? outcome.detail : "").toMatch(/^it was not done in \d+ s, after \d+ bytes$/);
});

describe("a stop", () => {
  for (const [when, bytes, after, onConnection] of [
    // Of what lies in the kernel's buffers alone nothing may be known: some of it is taken.
    [
      "while the body is on its way",
      LARGE,
      1,
      (socket: Socket) => void socket.once("data", () => socket.pause()).resume(),
    ],
    ["while the answer is awaited", 1000, 1000, (socket: Socket) => void socket.resume()],
  ] as const) {
    test(`${when} ends the upload at once, and the connection with it`, async () => {
      const stop = new AbortController();
      const closed = Promise.withResolvers<void>();
      const url = await serve((socket) => {
        onConnection(socket);
        socket.on("close", () => closed.resolve());
        // It is to hear of the end, too.
        stop.signal.addEventListener("abort", () => socket.resume());
      });
      const moved = (acknowledged: number): void => {
        if (acknowledged >= after) stop.abort();
      };
      const { outcome } = await run(url, bytes, { signal: stop.signal, moved });
      expect(outcome).toMatchObject({ kind: "failed", cause: "aborted" });
      await closed.promise;
    });
  }

  test("before it began sends nothing", async () => {
    let connections = 0;
    const url = await serve(() => void connections++);
    const { outcome } = await run(url, 10, { signal: AbortSignal.abort() });
    expect([outcome.kind === "failed" && outcome.cause, connections]).toEqual(["aborted", 0]);
  });
});
