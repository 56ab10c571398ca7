// What is read of a connection: nothing before it is asked for, and nothing at all once it is held.

import { afterEach, expect, test } from "bun:test";
import { once } from "node:events";
import * as net from "node:net";
import { Source } from "../../../lib/receiver/http/source.ts";
import { cleanUp, onCleanUp } from "../support.ts";

afterEach(cleanUp);

async function pair(): Promise<{ client: net.Socket; socket: net.Socket }> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  onCleanUp(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [net.Socket];
  onCleanUp(() => {
    client.destroy();
    socket.destroy();
  });
  client.on("error", () => undefined);
  return { client, socket };
}

test("a source that is held reads nothing more, an answer that is written included", async () => {
  const { client, socket } = await pair();
  const source = new Source(socket);
  client.write(Buffer.alloc(20_000_000));
  const first = await source.next();
  expect(first).toBeInstanceOf(Uint8Array);
  // What one read brought before anybody could say no.
  const before = socket.bytesRead;
  socket.write("an answer");
  source.hold();
  await once(client, "data");
  for (let turn = 0; turn < 200; turn++) await Bun.sleep(1);
  expect(socket.bytesRead).toBe(before);
  expect(source.held).toBe(0);
});
