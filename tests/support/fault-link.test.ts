// What must hold whatever the fault: back-pressure, resets and refusals carried across, bytes that are not HTTP,
// clean ends.
import { afterEach, expect, test } from "bun:test";
import { once } from "node:events";
import * as net from "node:net";
import { startFaultProxy } from "./fault-proxy.ts";
import { bytes, closeAll, dial, HOST, put, raw, sink, until } from "./fault-testbed.ts";

afterEach(closeAll);

const MIB = 1 << 20;

/** Writes `total` bytes as fast as the socket takes them; `taken()` is what it took. */
function flood(socket: net.Socket, total: number): { taken: () => number } {
  let taken = 0;
  const chunk = Buffer.alloc(64 * 1024, 7);
  const go = (): void => {
    while (taken < total) {
      taken += chunk.length;
      if (!socket.write(chunk)) return void socket.once("drain", go);
    }
    socket.end();
  };
  socket.once("connect", go);
  return { taken: () => taken };
}

test("a slow target slows the client: what is under way stays bounded", async () => {
  let received = 0;
  let worst = 0;
  let taken = (): number => 0;
  let ended = false;
  const proxy = await raw(async (socket) => {
    for await (const part of socket) {
      received += (part as Buffer).length;
      worst = Math.max(worst, taken() - received);
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate); // others run freely, this one is slow
    }
    ended = true;
  });
  const client = dial(proxy.port);
  taken = flood(client.socket, 128 * MIB).taken;
  await until(() => ended);
  expect(received).toBe(128 * MIB);
  expect(worst).toBeLessThan(32 * MIB); // the kernel's buffers on four sockets; without back-pressure it nears 128
}, 180_000);

test("a slow client slows the target", async () => {
  let sent = (): number => 0;
  const proxy = await raw((socket) => {
    sent = flood(socket, 128 * MIB).taken;
    socket.emit("connect"); // an accepted socket is connected already
  });
  let received = 0;
  let worst = 0;
  const client = net.connect({ host: HOST, port: proxy.port });
  client.write("x");
  for await (const part of client) {
    received += (part as Buffer).length;
    worst = Math.max(worst, sent() - received);
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  }
  expect(received).toBe(128 * MIB);
  expect(worst).toBeLessThan(32 * MIB);
}, 180_000);

test("half-close: the client may end its side and still hear the whole answer", async () => {
  const proxy = await raw((socket) => {
    const parts: Buffer[] = [];
    socket.on("data", (part: Buffer) => parts.push(part)).on("end", () => socket.end(Buffer.concat(parts)));
  });
  const client = dial(proxy.port);
  const sent = bytes(MIB);
  client.socket.end(sent);
  await until(() => client.events.includes("close"));
  expect(client.got().equals(sent)).toBe(true);
  expect(client.events).toEqual(["end", "close"]);
});

test("a client that resets is a reset for the server, and the other way round", async () => {
  const seen: string[] = [];
  const proxy = await raw((socket) => {
    socket.on("data", (part: Buffer) => seen.push(part.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => seen.push(error.code ?? ""));
  });
  const client = dial(proxy.port);
  client.socket.write("half");
  await until(() => seen.length === 1);
  client.socket.resetAndDestroy();
  await until(() => seen.length === 2);
  expect(seen).toEqual(["half", "ECONNRESET"]);
  const rude = await raw((socket) => socket.once("data", () => socket.resetAndDestroy()));
  expect(await put(rude.port, bytes(10))).toBe("ECONNRESET");
});

test("a target that is not there is a reset for the client, and the proxy lives on", async () => {
  const nobody = net.createServer().listen(0, HOST);
  await once(nobody, "listening");
  const port = (nobody.address() as net.AddressInfo).port;
  await new Promise((resolve) => nobody.close(resolve));
  await using proxy = await startFaultProxy({ target: { host: HOST, port } });
  expect(await put(proxy.port, bytes(10))).toBe("ECONNRESET");
  expect(await put(proxy.port, bytes(10))).toBe("ECONNRESET");
  expect(proxy.connections).toBe(2);
});

const NOT_HTTP = Buffer.concat([Buffer.from([0x16, 3, 1]), bytes(200_000)]);

test("bytes that are not HTTP pass exactly; a bit flips at its offset from the first byte", async () => {
  const proxy = await raw((socket) => socket.pipe(socket));
  for (const offset of [undefined, 150_000]) {
    if (offset !== undefined) proxy.setFault({ kind: "flip-bit", offset });
    const client = dial(proxy.port);
    client.socket.end(NOT_HTTP);
    await until(() => client.events.includes("end"));
    const expected = Buffer.from(NOT_HTTP);
    if (offset !== undefined) expected[offset] = (expected[offset] ?? 0) ^ 1;
    expect(client.got().equals(expected)).toBe(true);
  }
});

test("cut-before-answer after so many bytes lets a handshake through", async () => {
  const fault = { kind: "cut-before-answer", afterUpBytes: 200_003 } as const;
  const proxy = await raw((socket) => {
    let got = 0;
    socket.on("data", (part: Buffer) => {
      if (got === 0) socket.write("hello");
      got += part.length;
      if (got === NOT_HTTP.length) socket.write("done");
    });
  }, fault);
  const client = dial(proxy.port);
  client.socket.write(NOT_HTTP.subarray(0, 3));
  await until(() => client.got().length === 5);
  client.socket.write(NOT_HTTP.subarray(3));
  await until(() => client.events.includes("close"));
  expect([client.got().toString(), ...client.events]).toEqual(["hello", "ECONNRESET", "close"]);
});

test("times: the first connections are struck, the others are not, and setFault counts anew", async () => {
  const fault = { kind: "cut-up", afterBytes: 0, times: 2 } as const;
  const { proxy } = await sink(fault);
  const round = async (): Promise<string[]> => {
    const answers: string[] = [];
    for (let i = 0; i < 3; i++) answers.push(await put(proxy.port, bytes(10)));
    return answers;
  };
  expect(await round()).toEqual(["ECONNRESET", "ECONNRESET", "201 10"]);
  proxy.setFault(fault);
  expect(await round()).toEqual(["ECONNRESET", "ECONNRESET", "201 10"]);
  expect([proxy.connections, proxy.hits]).toEqual([6, 4]);
});

test("disposing resets what is open and frees the port", async () => {
  const { proxy } = await sink({ kind: "black-hole" });
  const client = dial(proxy.port);
  client.socket.write("PUT");
  await until(() => proxy.bytesSwallowed === 3);
  await proxy[Symbol.asyncDispose]();
  await until(() => client.events.includes("close"));
  const late = dial(proxy.port);
  await until(() => late.events.includes("close"));
  expect([client.events, late.events]).toEqual([
    ["ECONNRESET", "close"],
    ["ECONNREFUSED", "close"],
  ]);
});
