// Bodies that are refused before they were read: they never pass for a request, and those of unknown senders cost little.

import { afterEach, describe, expect, test } from "bun:test";
import { createLeftovers, decideLeftover } from "../../../lib/receiver/http/leftover.ts";
import { bytes, cleanUp, put, rawClient, reprDigest, startReceiver, until } from "../support.ts";

afterEach(cleanUp);

describe("what becomes of the rest of a body:", () => {
  test.each([
    [{ left: 0, awaited: false }, true, "none"],
    [{ left: 0, awaited: true }, false, "none"],
    [{ left: 5, awaited: false }, true, "read"],
    [{ left: 5, awaited: false }, false, "leave"],
    [{ left: 5, awaited: true }, true, "last"],
    [{ left: 5, awaited: true }, false, "leave"],
    [{ left: "unknown", awaited: false }, true, "leave"],
    [{ left: "unknown", awaited: true }, true, "leave"],
  ] as const)("%j, to be read: %p: %s", (rest, may, expected) => {
    expect(decideLeftover({ ...rest, mayRead: () => may })).toBe(expected);
  });
});

test("of unknown senders two bodies of an address are read at a time, sixteen of all; small ones always", () => {
  const leftovers = createLeftovers();
  const enter = (address: string, size = 1e9) => leftovers.enter(address, size);
  const first = enter("10.0.0.1");
  expect([enter("10.0.0.1"), enter("10.0.0.1"), enter("10.0.0.2")].map((got) => got !== null)).toEqual([
    true,
    false,
    true,
  ]);
  expect([enter("10.0.0.1", 65536), enter("10.0.0.1", 65537)].map((got) => got !== null)).toEqual([true, false]);
  first?.();
  expect(enter("10.0.0.1")).not.toBeNull();
  for (let i = 0; i < 13; i++) expect(enter(`10.0.1.${i}`)).not.toBeNull();
  expect([enter("10.0.2.1"), enter("10.0.2.2", 10) !== null]).toEqual([null, true]);
});

const unknown = {
  deps: { checkToken: (_: string, sent: string | null) => (sent === "Bearer good" ? "valid" : "unknown") },
} as const;
const inner =
  "PUT /v1/episodes/lab1/inner.tar.zst HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Length: 1\r\n\r\nx";
const outer = (fields: string) => `PUT /v1/episodes/lab2/outer.tar.zst HTTP/1.1\r\nHost: x\r\n${fields}\r\n`;

describe("a body never passes for a request:", () => {
  test.each([
    [
      "after a refusal, of a client that waited for 100 Continue",
      `Content-Length: ${inner.length}\r\nExpect: 100-continue\r\n`,
    ],
    ["without a length", ""],
    ["chunked", "Transfer-Encoding: chunked\r\n"],
    ["of a client that is refused", `Content-Length: ${inner.length}\r\nConnection: close\r\n`],
  ])("%s", async (_, fields) => {
    const receiver = await startReceiver(unknown);
    const client = await rawClient(receiver.port);
    await client.send(outer(fields) + inner);
    expect(await client.closed).toBe("end");
    expect(client.text().match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 401"]);
    expect(client.text()).toContain("\r\nconnection: close\r\n");
    expect(receiver.rows()).toEqual([]);
  });
  test("and a client that waited, and sends nothing, is told at once that nothing more is served", async () => {
    const receiver = await startReceiver(unknown);
    const client = await rawClient(receiver.port);
    await client.send(outer("Content-Length: 1000\r\nExpect: 100-continue\r\n"));
    expect(await client.closed).toBe("end");
    expect(client.text()).toStartWith("HTTP/1.1 401 ");
  });
  test("and what comes after a body that was read is one", async () => {
    const receiver = await startReceiver(unknown);
    const client = await rawClient(receiver.port);
    await client.send(`${outer(`Content-Length: ${inner.length}\r\n`)}${inner}${inner}`);
    await client.seen('"stored"');
    expect(client.text().match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 401", "HTTP/1.1 201"]);
    expect(receiver.rows()).toHaveLength(1);
  });
});

test("a third large body of an unknown sender's address is not read, and its answer arrives all the same", async () => {
  const receiver = await startReceiver(unknown);
  const slow = [await rawClient(receiver.port), await rawClient(receiver.port)];
  for (const client of slow) {
    await client.send(outer("Content-Length: 100000000\r\n"));
    await client.seen('"unauthorized"');
  }
  const third = await rawClient(receiver.port);
  await third.send(outer("Content-Length: 100000000\r\n"));
  let left = 100;
  const write = (): void => {
    third.socket.write(Buffer.alloc(1_000_000), (error) => {
      if (error === null || error === undefined) left--;
      if (left > 0 && !third.socket.destroyed) write();
    });
  };
  write();
  await third.closed;
  expect(third.text()).toStartWith("HTTP/1.1 401 ");
  expect(left).toBeGreaterThan(50);
  // One that has a token is read all the same.
  expect((await put(receiver.url, "lab1", "ep1", bytes(1000), { Authorization: "Bearer good" })).status).toBe(201);
}, 30_000);

test("places are kept from nobody who is known by those who are not, in whatever they wait: 8 of 4", async () => {
  const receiver = await startReceiver({ ...unknown, listen: { connectionsTotal: 4 } });
  const body = bytes(100_000);
  const head = `PUT /v1/episodes/lab1/ep1.tar.zst HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Length: ${body.length}\r\nRepr-Digest: ${reprDigest(body)}\r\n\r\n`;
  const valid = await rawClient(receiver.port);
  await valid.send(head);
  await until(() => receiver.incoming().length === 1);
  for (let i = 0; i < 8; i++) {
    const client = await rawClient(receiver.port);
    if (i % 2 === 0) await client.send("POST /v1/judge/lab1/ep1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n{");
    else {
      await client.send(outer("Content-Length: 60000\r\n"));
      await client.seen('"unauthorized"');
    }
  }
  const other = await put(receiver.url, "lab1", "ep2", bytes(1000), { Authorization: "Bearer good" });
  expect(other.status).toBe(201);
  await valid.send(body);
  await valid.seen('"stored"');
}, 30_000);

test("an answer to HEAD never gives the length of another body", async () => {
  const receiver = await startReceiver(unknown);
  const client = await rawClient(receiver.port);
  await client.send(
    "HEAD /v1/episodes/lab1/ep1.tar.zst HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
  );
  await client.seen("alive");
  expect(client.text().split("\r\n\r\n")[0]).not.toContain("content-length");
});
