// A collector that is stopped while an archive goes back out: the download is counted as work, a reader that goes on gets all
// of it, and one that takes nothing is ended by the minimum rate, long before the drain would cut it.

import { expect, setDefaultTimeout, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { formatReprDigest } from "../../lib/contract/digest.ts";
import { Fleet, HOST, type Tool, until } from "../support/fleet.ts";
import { sha256 } from "../support/oracle.ts";

setDefaultTimeout(180_000);

/** More than the kernel's buffers between the two take. */
const SIZE = 40_000_000;

interface Reader extends Disposable {
  socket: Socket;
  /** Bytes that came, the head of the answer among them. */
  got(): number;
  closed(): boolean;
}

/** Asks for the episode, and stops to read when its first bytes have come. */
async function reader(fleet: Fleet, receiver: Tool & { port: number }): Promise<Reader> {
  let got = 0;
  let closed = false;
  const socket = connect(receiver.port, "127.0.0.1");
  socket
    .on("error", () => {})
    .on("close", () => {
      closed = true;
    });
  socket.once("data", () => socket.pause());
  socket.on("data", ({ length }) => {
    got += length;
  });
  const head = `GET /v1/episodes/${HOST}/ep1.tar.zst HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fleet.token}\r\n\r\n`;
  socket.write(head);
  await until("the download is under way", () => got > 0, receiver);
  return { socket, got: () => got, closed: () => closed, [Symbol.dispose]: () => void socket.destroy() };
}

/** A receiver with one archive. */
async function collector(fleet: Fleet): Promise<Tool & { port: number }> {
  const receiver = await fleet.startReceiver();
  const body = Buffer.alloc(SIZE, "x");
  const stored = await fetch(`${receiver.url}/v1/episodes/${HOST}/ep1.tar.zst`, {
    method: "PUT",
    body,
    headers: { Authorization: `Bearer ${fleet.token}`, "Repr-Digest": formatReprDigest(sha256(body)) },
    proxy: "",
  });
  expect(stored.status).toBe(201);
  return receiver;
}

/** Stops it, and waits until it says what is still under way. */
async function stop(receiver: Tool): Promise<void> {
  receiver.process.kill("SIGTERM");
  const begins = /stopping: finish uploads begins at=\S+ in_flight=1$/m;
  await until("the stop counts the download", () => begins.test(receiver.log()), receiver);
}

const DONE = /stopping: finish uploads done .*in_flight_at_start=1 in_flight=0 timed_out=0$/m;

test("a reader that goes on is waited for, and gets all of it", async () => {
  await using fleet = new Fleet();
  const receiver = await collector(fleet);
  using client = await reader(fleet, receiver);
  await stop(receiver);
  client.socket.resume();
  expect(await receiver.ended()).toBe(0);
  await until("the connection is over", client.closed);
  expect(client.got()).toBeGreaterThan(SIZE);
  expect(receiver.log()).toMatch(DONE);
});

test("a reader that takes nothing is ended by the minimum rate, not by the drain", async () => {
  await using fleet = new Fleet({ limits: "min_rate_window_s = 3" });
  const receiver = await collector(fleet);
  using client = await reader(fleet, receiver);
  await stop(receiver);
  expect(await receiver.ended()).toBe(0);
  expect(receiver.log()).toMatch(DONE);
  client.socket.resume();
  await until("the connection is over", client.closed);
  expect(client.got()).toBeLessThan(SIZE);
});
