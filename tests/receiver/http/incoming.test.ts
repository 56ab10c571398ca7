// What happens on the connection: early refusals that arrive as a status, slow and silent clients, back-pressure, the
// stop.

import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { realDisk } from "../../../lib/receiver/store/files/disk.ts";
import { bytes, cleanUp, put, rawClient, rawStatus, reprDigest, startReceiver, tempDir, until } from "../support.ts";

afterEach(cleanUp);

const PATH = "/v1/episodes/lab1/ep1.tar.zst";
const head = (length: number, more = "", path = PATH): string =>
  `PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n${more}\r\n`;

describe("a refusal that the headers suffice for", () => {
  test("with Expect comes before a byte of the body, and without 100", async () => {
    const receiver = await startReceiver({ rules: { maxBytes: 1000 } });
    const client = await rawClient(receiver.port);
    await client.send(head(5_000_000_000, "Expect: 100-continue\r\n"));
    await client.seen('"too-large"');
    expect(client.text()).toStartWith("HTTP/1.1 413 ");
    expect(client.text()).not.toContain("100 Continue");
  });

  test("with Expect, and a client that sends all the same: it still reads its status", async () => {
    const receiver = await startReceiver({ rules: { maxBytes: 1000 } });
    const client = await rawClient(receiver.port);
    await client.send(head(3_000_000, "Expect: 100-continue\r\n"));
    await client.send(new Uint8Array(3_000_000));
    await client.seen('"too-large"');
    // The body was read and thrown away; nothing is served after it, as nobody could know that it would come.
    expect(await client.closed).toBe("end");
    expect(client.text()).toContain("\r\nconnection: close\r\n");
  });

  test("without Expect reaches a client that reads only after writing 50 MB", async () => {
    const receiver = await startReceiver({ rules: { maxBytes: 1000 } });
    const client = await rawClient(receiver.port);
    client.socket.pause();
    await client.send(head(50_000_000));
    for (let i = 0; i < 50; i++) await client.send(new Uint8Array(1_000_000));
    client.socket.resume();
    await client.seen('"too-large"');
    expect(client.text()).toStartWith("HTTP/1.1 413 ");
    await client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.seen("alive");
  });

  test("a duplicate is answered so too, with and without Expect", async () => {
    const receiver = await startReceiver();
    const body = bytes(20_000_000);
    expect((await put(receiver.url, "lab1", "ep1", body)).status).toBe(201);
    const digest = `Repr-Digest: ${reprDigest(body)}\r\n`;
    const polite = await rawClient(receiver.port);
    await polite.send(head(body.length, `${digest}Expect: 100-continue\r\n`));
    await polite.seen('"duplicate"');
    expect(polite.text()).toStartWith("HTTP/1.1 200 ");
    expect(await rawStatus(receiver.port, head(body.length, digest), body)).toBe("200");
    expect((await receiver.attemptRows()).map((row) => [row.status, row.bytes])).toEqual([
      [201, body.length],
      [200, 0],
      [200, 0],
    ]);
  });

  test("the body that is thrown away is bounded by the minimum rate", async () => {
    const receiver = await startReceiver({
      rules: { maxBytes: 1000 },
      listen: { rate: { minBytesPerS: 1000, windowS: 0.1 } },
    });
    const client = await rawClient(receiver.port);
    await client.send(head(50_000_000));
    await client.seen('"too-large"');
    await client.closed;
  });
});

test.each([
  ["no length", `PUT ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n`, "411"],
  ["chunked", `PUT ${PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`, "411"],
  ["length 0", head(0), "400"],
  ["length abc", `PUT ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n`, "400"],
  ["two lengths", `PUT ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab`, "400"],
  [
    "length and chunked",
    `PUT ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nab`,
    "400",
  ],
  ["a digest that is none", head(5, "Repr-Digest: sha-256=:x:\r\n"), "400"],
  ["DELETE", `DELETE ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n`, "405"],
  ["POST elsewhere", "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "404"],
  ["no HTTP at all", "\x16\x03\x01\x02\x00\r\n\r\n", "400"],
])("%s: %s", async (_, request, status) => {
  const receiver = await startReceiver();
  expect(await rawStatus(receiver.port, request)).toBe(status);
  expect(receiver.rows()).toEqual([]);
});

describe("slow clients", () => {
  test("one that sends nothing is cut by the minimum rate: 408, and nothing is left", async () => {
    const receiver = await startReceiver({ listen: { rate: { minBytesPerS: 1024, windowS: 0.15 } } });
    const client = await rawClient(receiver.port);
    await client.send(head(1_000_000));
    await client.closed;
    expect(client.text()).toStartWith("HTTP/1.1 408 ");
    expect(await receiver.attemptRows()).toMatchObject([{ status: 408, reason: "too-slow" }]);
    expect(receiver.incoming()).toEqual([]);
  });

  test("one that drips below the rate is cut, while another host's upload is not held up", async () => {
    const receiver = await startReceiver({ listen: { rate: { minBytesPerS: 100_000, windowS: 0.2 } } });
    const drip = await rawClient(receiver.port);
    await drip.send(head(1_000_000));
    const dripping = setInterval(() => drip.socket.write("x"), 10);
    const good = await Promise.all(
      Array.from({ length: 20 }, (_, i) => put(receiver.url, "lab2", `ep${i}`, bytes(100_000))),
    );
    expect(new Set(good.map((a) => a.status))).toEqual(new Set([201]));
    await drip.closed;
    clearInterval(dripping);
    expect((await receiver.attemptRows()).filter((row) => row.host_id === "lab1")).toMatchObject([{ status: 408 }]);
  });

  test("a disk of ours that is slow cuts nobody", async () => {
    const slow = {
      ...realDisk,
      write: async (...args: Parameters<typeof realDisk.write>): Promise<void> => {
        await Bun.sleep(60);
        await realDisk.write(...args);
      },
    };
    const receiver = await startReceiver({ disk: slow, listen: { rate: { minBytesPerS: 10_000_000, windowS: 0.1 } } });
    expect((await put(receiver.url, "lab1", "ep1", bytes(4_000_000))).status).toBe(201);
  });

  test("200 connections that never finish their headers are closed, and do not starve a good one", async () => {
    // Long enough for the good one on a machine that is busy.
    const receiver = await startReceiver({ listen: { headerTimeoutS: 3 } });
    const loris = await Promise.all(Array.from({ length: 200 }, () => rawClient(receiver.port)));
    for (const [i, client] of loris.entries()) if (i % 2 === 0) await client.send(`PUT ${PATH} HTTP/1.1\r\nX-a: `);
    expect((await put(receiver.url, "lab1", "ep1", bytes(1_000_000))).status).toBe(201);
    await Promise.all(loris.map((client) => client.closed));
  });

  test("an idle connection is closed after the keep-alive time-out", async () => {
    const receiver = await startReceiver({ listen: { keepAliveTimeoutS: 0.1 } });
    const client = await rawClient(receiver.port);
    await client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await client.seen("alive");
    await client.closed;
  });
});

test("a host has its share of uploads, the others have theirs: 429 with Retry-After, before the body", async () => {
  const receiver = await startReceiver({ limits: { uploadsPerHost: 2, uploadsTotal: 3 } });
  const open = async (host: string, id: string) => {
    const client = await rawClient(receiver.port);
    await client.send(head(1000, "Expect: 100-continue\r\n", `/v1/episodes/${host}/${id}.tar.zst`));
    await client.seen("\r\n\r\n");
    return client;
  };
  expect((await open("lab1", "a")).text()).toContain("100 Continue");
  const second = await open("lab1", "b");
  const third = await open("lab1", "c");
  expect(third.text()).toStartWith("HTTP/1.1 429 ");
  expect(third.text().toLowerCase()).toContain("retry-after: ");
  expect((await open("lab2", "a")).text()).toContain("100 Continue");
  expect((await open("lab3", "a")).text()).toStartWith("HTTP/1.1 429 ");
  second.socket.destroy();
  await until(() => receiver.log.lines.some((line) => line.includes("rejected episode host=lab1 id=b")));
  expect((await open("lab1", "c")).text()).toContain("100 Continue");
});

test("507 before the body counts what is still to come for others", async () => {
  const receiver = await startReceiver({ limits: { diskReserveBytes: 1000 }, freeBytes: () => 10_000 });
  const first = await rawClient(receiver.port);
  await first.send(head(6000, "Expect: 100-continue\r\n"));
  await first.seen("100 Continue");
  const second = await put(receiver.url, "lab2", "ep1", bytes(4000));
  expect([second.status, second.headers.get("retry-after")]).toEqual([507, "300"]);
  expect((await put(receiver.url, "lab2", "ep1", bytes(3000))).status).toBe(201);
  await first.send(bytes(6000));
  await first.seen("201 Created");
});

test("a slow disk slows the client and not our memory: 300 MB at the disk's pace", async () => {
  let held = 0;
  let mostHeld = 0;
  let sent = 0;
  let written = 0;
  let mostAhead = 0;
  const slow = {
    ...realDisk,
    async write(_fd: number, chunk: Uint8Array): Promise<void> {
      held += chunk.length;
      mostHeld = Math.max(mostHeld, held);
      await Bun.sleep(1);
      held -= chunk.length;
      written += chunk.length;
    },
  };
  const receiver = await startReceiver({ disk: slow });
  const client = await rawClient(receiver.port);
  await client.send(head(300_000_000));
  const chunk = new Uint8Array(1_000_000);
  for (let i = 0; i < 300; i++) {
    await client.send(chunk);
    sent += chunk.length;
    mostAhead = Math.max(mostAhead, sent - written);
  }
  await client.seen("201 Created");
  expect(mostHeld).toBeLessThan(2_000_000);
  // What the kernel's own buffers take; without back-pressure the client is nearly 300 MB ahead of the disk.
  expect(mostAhead).toBeLessThan(60_000_000);
}, 180_000);

describe("stopping", () => {
  test("a running upload is finished, new ones are refused, and then nothing is left", async () => {
    const receiver = await startReceiver();
    const client = await rawClient(receiver.port);
    const waiting = await rawClient(receiver.port);
    await waiting.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await waiting.seen("alive");
    await client.send(head(2000));
    await client.send(bytes(2000).subarray(0, 1000));
    await until(() => receiver.incoming().length === 1);
    receiver.state.stopping = true;
    receiver.listener.close();
    await waiting.closed;
    await client.send(bytes(2000).subarray(1000));
    await client.seen("201 Created");
    await receiver.listener.settled();
    await client.closed;
    expect(receiver.rows()).toHaveLength(1);
  });

  test("an upload that does not end in time is answered 503 and leaves nothing", async () => {
    const receiver = await startReceiver();
    const client = await rawClient(receiver.port);
    await client.send(head(2000));
    await client.send(bytes(1000));
    await until(() => receiver.incoming().length === 1);
    receiver.listener.close();
    receiver.listener.cutBodies();
    await receiver.listener.settled();
    await client.closed;
    expect(client.text()).toStartWith("HTTP/1.1 503 ");
    expect(client.text()).toContain('"stopping"');
    expect(receiver.incoming()).toEqual([]);
  });

  test("a client that was refused and went away, or goes on sending, does not hold up the stop", async () => {
    const receiver = await startReceiver({ rules: { maxBytes: 1000 } });
    const left = await rawClient(receiver.port);
    await left.send(head(5_000_000, "Expect: 100-continue\r\n"));
    await left.seen('"too-large"');
    left.socket.destroy();
    await left.closed;
    const stays = await rawClient(receiver.port);
    await stays.send(head(5_000_000));
    await stays.seen('"too-large"');
    receiver.listener.close();
    await receiver.listener.settled();
    await stays.closed;
  });

  test("a client that went away after a refusal is noticed at once", async () => {
    const receiver = await startReceiver({ rules: { maxBytes: 1000 } });
    const client = await rawClient(receiver.port);
    await client.send(head(5_000_000, "Expect: 100-continue\r\n"));
    await client.seen('"too-large"');
    client.socket.destroy();
    await receiver.listener.settled();
  });

  test("a new PUT on a connection that is still open is 503 with Retry-After", async () => {
    const receiver = await startReceiver();
    receiver.state.stopping = true;
    const answer = await put(receiver.url, "lab1", "ep1", bytes(1000));
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "10"]);
  });
});

test("curl -T file is all that a fleet without stamps and tokens needs", async () => {
  const receiver = await startReceiver();
  const file = join(tempDir(), "f");
  await Bun.write(file, bytes(3_000_000));
  const curl = async (...args: string[]): Promise<string> => {
    const child = Bun.spawn(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", ...args], {
      stderr: "pipe",
    });
    return await child.stdout.text();
  };
  expect(await curl("-T", file, `${receiver.url}${PATH}`)).toBe("201 3000000");
  const refused = await startReceiver({ deps: { checkToken: () => "unknown" } });
  expect(await curl("-T", file, `${refused.url}${PATH}`)).toBe("401 0");
});
