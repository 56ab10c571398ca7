// Proves each fault of the proxy against a plain node:http server and client, and against raw sockets where every
// byte counts. Waits for conditions; where time matters, only bounds that hold on a slow machine as well are asserted.
import { afterEach, expect, test } from "bun:test";
import { bytes, closeAll, dial, keepAlive, put, raw, sink, until } from "./fault-testbed.ts";

afterEach(closeAll);

test("none: large bodies pass exactly, and one kept-alive connection serves several requests", async () => {
  const { proxy, bodies } = await sink();
  const agent = keepAlive();
  const sent = [bytes(3_000_000), bytes(10, 2)];
  for (const body of sent) expect(await put(proxy.port, body, { agent })).toBe(`201 ${body.length}`);
  expect(bodies.map((body, i) => body.equals(sent[i] ?? Buffer.alloc(0)))).toEqual([true, true]);
  expect(proxy.connections).toBe(1);
  expect(proxy.bytesUp).toBeGreaterThan(3_000_010);
  expect(proxy.bytesDown).toBeGreaterThan(2_000);
  expect([proxy.hits, proxy.bytesSwallowed]).toEqual([0, 0]);
});

test("cut-up by reset: both ends see a reset, the server has part of the body", async () => {
  const { proxy, bodies, cut } = await sink({ kind: "cut-up", afterBytes: 200_000, times: 1 });
  expect(await put(proxy.port, bytes(1_000_000))).toBe("ECONNRESET");
  await until(() => cut.length === 1);
  expect(cut[0]).toBeLessThan(200_000);
  expect([bodies.length, proxy.hits, proxy.bytesUp]).toEqual([0, 1, 200_000]);
  expect(await put(proxy.port, bytes(1_000_000))).toBe("201 1000000"); // times: 1
});

test("cut-up by FIN: exactly so many bytes arrive, then both ends see an orderly end", async () => {
  const seen = { parts: [] as Buffer[], ended: false };
  const proxy = await raw(
    (socket) => socket.on("data", (part: Buffer) => seen.parts.push(part)).on("end", () => (seen.ended = true)),
    { kind: "cut-up", afterBytes: 70_001, by: "fin" },
  );
  const client = dial(proxy.port);
  const sent = bytes(500_000);
  client.socket.write(sent);
  await until(() => seen.ended && client.events.includes("end"));
  expect(Buffer.concat(seen.parts).equals(sent.subarray(0, 70_001))).toBe(true);
  expect(client.events).toEqual(["end"]);
});

test("cut-before-answer: the 100 passes, the server has it all, the client gets a reset", async () => {
  const { proxy, bodies } = await sink({ kind: "cut-before-answer", times: 1 });
  let continued = 0;
  const options = { expect: true, continued: () => continued++ };
  expect(await put(proxy.port, bytes(300_000), options)).toBe("ECONNRESET");
  expect([continued, bodies[0]?.length, proxy.hits]).toEqual([1, 300_000, 1]);
  expect(await put(proxy.port, bytes(300_000), options)).toBe("201 300000");
});

test("cut-before-answer: an interim answer in pieces passes whole; of the final one nothing does", async () => {
  const interim = "HTTP/1.1 100 Continue\r\nX-Note: in pieces\r\n\r\n";
  const proxy = await raw(
    (socket) => {
      socket.setNoDelay(true);
      socket.once("data", async () => {
        for (const letter of `${interim}HTTP/1.1 201 Created\r\n\r\n`) {
          socket.write(letter);
          await Bun.sleep(0);
        }
      });
    },
    { kind: "cut-before-answer" },
  );
  const client = dial(proxy.port);
  client.socket.write("PUT / HTTP/1.1\r\n\r\n");
  await until(() => client.events.includes("close"));
  expect(client.events).toEqual(["ECONNRESET", "close"]);
  expect(client.got().toString()).toBe(interim);
});

test("black-hole: swallows and says nothing; lifting it resets what it swallowed, no more", async () => {
  const { proxy, bodies } = await sink({ kind: "black-hole" });
  const lost = put(proxy.port, bytes(3_000_000));
  const gone = dial(proxy.port);
  gone.socket.end("PUT / HTTP/1.1\r\n");
  await until(() => proxy.bytesSwallowed > 3_000_000 && gone.events.includes("close"));
  expect([proxy.open, proxy.bytesUp, proxy.bytesDown, bodies.length]).toEqual([1, 0, 0, 0]);
  proxy.setFault({ kind: "none" });
  expect(await lost).toBe("ECONNRESET");
  expect(await put(proxy.port, bytes(5))).toBe("201 5");
});

test("black-hole set on a kept-alive connection strikes the next request on it", async () => {
  const { proxy } = await sink();
  const agent = keepAlive();
  expect(await put(proxy.port, bytes(5), { agent })).toBe("201 5");
  proxy.setFault({ kind: "black-hole" });
  const lost = put(proxy.port, bytes(5), { agent });
  await until(() => proxy.bytesSwallowed > 0);
  expect(proxy.connections).toBe(1);
  proxy.cutAll();
  expect(await lost).toBe("ECONNRESET");
});

test("flip-bit: one bit of the body, so many times, and never a head", async () => {
  const { proxy, bodies } = await sink({ kind: "flip-bit", offset: 70_000, bit: 3, times: 2 });
  const agent = keepAlive();
  const body = bytes(200_000);
  const flipped = Buffer.from(body);
  flipped[70_000] = (flipped[70_000] ?? 0) ^ 8;
  const short = bytes(70_000);
  for (const sent of [body, short, body, body]) {
    expect(await put(proxy.port, sent, { agent, expect: true })).toBe(`201 ${sent.length}`);
  }
  expect(bodies.map((got, i) => got.equals([flipped, short, flipped, body][i] ?? short))).toEqual(Array(4).fill(true));
  expect([proxy.connections, proxy.hits]).toEqual([1, 2]);
});

test("throttle: no faster than so many bytes a second, either way, until it is lifted", async () => {
  const gate = Promise.withResolvers<void>();
  const { proxy, gate: hold } = await sink({ kind: "throttle", bytesPerSecond: 40 });
  hold.open = gate.promise;
  const start = performance.now();
  const allowed = (since: number): number => ((performance.now() - since) / 1000) * 40 + 2;
  const answer = put(proxy.port, bytes(100_000));
  await until(() => proxy.bytesUp >= 8);
  expect(proxy.bytesUp).toBeLessThanOrEqual(allowed(start));
  proxy.setFault({ kind: "none" });
  await until(() => proxy.bytesUp > 100_000);
  const again = performance.now();
  proxy.setFault({ kind: "throttle", bytesPerSecond: 40 });
  gate.resolve();
  await until(() => proxy.bytesDown >= 8);
  expect(proxy.bytesDown).toBeLessThanOrEqual(allowed(again));
  proxy.setFault({ kind: "none" });
  expect(await answer).toBe("201 100000");
});

test("delay-answer: the server has answered, the client hears it later, or once lifted", async () => {
  const { proxy, bodies } = await sink({ kind: "delay-answer", ms: 3_600_000 });
  const answer = put(proxy.port, bytes(10), { expect: true });
  await until(() => proxy.hits === 1);
  expect(bodies.length).toBe(1);
  proxy.setFault({ kind: "delay-answer", ms: 40, times: 1 });
  expect(await answer).toBe("201 10");
  const start = performance.now();
  expect(await put(proxy.port, bytes(10))).toBe("201 10");
  expect(performance.now() - start).toBeGreaterThanOrEqual(39);
});
