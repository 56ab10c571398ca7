// Downloads: bounded in number, ended when nobody takes them, and whatever ends them, place and descriptor are given back.

import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync, readlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { archiveStream, createDownloads } from "../../../lib/receiver/episodes/downloads.ts";
import { openArchive } from "../../../lib/receiver/store/reading/archive-reader.ts";
import { bytes, cleanUp, put, type RawClient, rawClient, startReceiver, type TestOptions, until } from "../support.ts";

afterEach(cleanUp);

const SIZE = 40_000_000;
const GET = "GET /v1/episodes/lab1/ep1.tar.zst HTTP/1.1\r\nHost: x\r\n\r\n";

/** Open descriptors of this process on files below a directory. */
function openBelow(dir: string): number {
  const targets = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return targets.filter((target) => target.startsWith(dir)).length;
}

async function withEpisode(options: TestOptions = {}) {
  const downloads = createDownloads({ total: 3, perHost: 2 });
  const receiver = await startReceiver({ ...options, deps: { downloads, ...options.deps } });
  expect((await put(receiver.url, "lab1", "ep1", Buffer.alloc(SIZE, "x"))).status).toBe(201);
  return { receiver, downloads, episodes: join(receiver.dataRoot, "episodes") };
}

/** A client that asks for the episode and reads none of it. */
async function unread(port: number): Promise<RawClient> {
  const client = await rawClient(port);
  client.socket.pause();
  await client.send(GET);
  return client;
}

test("an archive comes whole, block by block, and its place and descriptor are free again", async () => {
  const { receiver, downloads, episodes } = await withEpisode();
  const answer = await fetch(`${receiver.url}/v1/episodes/lab1/ep1.tar.zst`);
  expect((await answer.bytes()).length).toBe(SIZE);
  await until(() => downloads.running === 0 && openBelow(episodes) === 0);
});

test("two of a host, three in all: 429 with Retry-After, HEAD is not counted, and a place is free when one goes away", async () => {
  const { receiver, downloads, episodes } = await withEpisode();
  const clients = [await unread(receiver.port), await unread(receiver.port)];
  await until(() => downloads.running === 2);
  const url = `${receiver.url}/v1/episodes/lab1/ep1.tar.zst`;
  const refused = await fetch(url);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "5"]);
  expect(await refused.json()).toMatchObject({
    reason: "too-many-downloads",
    detail: "2 downloads of this host are running",
  });
  expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
  clients[0]?.socket.destroy();
  await until(() => downloads.running === 1);
  expect((await (await fetch(url)).bytes()).length).toBe(SIZE);
  clients[1]?.socket.destroy();
  await until(() => downloads.running === 0 && openBelow(episodes) === 0);
});

test("limits are of all hosts, too", () => {
  const downloads = createDownloads({ total: 3, perHost: 2 });
  const kinds = ["lab1", "lab1", "lab1", "lab2", "lab3"].map((host) => downloads.enter(host).kind);
  expect(kinds).toEqual(["slot", "slot", "refused", "slot", "refused"]);
});

describe("a client that takes nothing", () => {
  test("is let go after the window of the minimum rate", async () => {
    const { receiver, downloads, episodes } = await withEpisode({
      listen: { rate: { minBytesPerS: 100_000, windowS: 0.3 } },
    });
    const client = await unread(receiver.port);
    await until(() => downloads.running === 1);
    await until(() => downloads.running === 0 && openBelow(episodes) === 0);
    client.socket.resume();
    await client.closed;
    expect(client.text().length).toBeLessThan(SIZE);
  });

  test("and one that takes little, but more than the minimum rate, gets all of it", async () => {
    const { receiver, downloads } = await withEpisode({ listen: { rate: { minBytesPerS: 1000, windowS: 1 } } });
    const slow = await rawClient(receiver.port);
    let got = 0;
    slow.socket.on("data", (data: Buffer) => {
      got += data.length;
      slow.socket.pause();
      setTimeout(() => slow.socket.resume(), 10);
    });
    await slow.send(GET);
    await until(() => got >= SIZE);
    await until(() => downloads.running === 0);
  }, 180_000);

  test("does not hold up a stop beyond its drain: it is counted until it is cut, and then nothing is left", async () => {
    const { receiver, downloads, episodes } = await withEpisode();
    const client = await unread(receiver.port);
    await until(() => downloads.running === 1);
    receiver.listener.close();
    let settled = false;
    const done = receiver.listener.settled().then(() => {
      settled = true;
    });
    await Bun.sleep(100);
    expect([settled, downloads.running]).toEqual([false, 1]);
    receiver.listener.cutBodies();
    await done;
    await until(() => downloads.running === 0 && openBelow(episodes) === 0);
    client.socket.resume();
    await client.closed;
  });
});

test("a file that became shorter while it was sent cuts the answer off, and gives everything back", async () => {
  const { receiver, downloads, episodes } = await withEpisode();
  const client = await unread(receiver.port);
  await until(() => downloads.running === 1);
  truncateSync(join(episodes, "lab1/ep1.tar.zst"), 30_000_000);
  client.socket.resume();
  await client.closed;
  expect(client.text().length).toBeLessThan(SIZE);
  await until(() => downloads.running === 0 && openBelow(episodes) === 0);
});

test("a stream that nobody takes anything of is cancelled, and gives back its file", async () => {
  const receiver = await startReceiver();
  await put(receiver.url, "lab1", "ep1", bytes(1000));
  const path = join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst");
  const downloads = createDownloads({ total: 1, perHost: 1 });
  const slot = downloads.enter("lab1");
  if (slot.kind === "refused") throw new Error(slot.detail);
  const stream = archiveStream(await openArchive(path), 1000, slot);
  expect([downloads.running, openBelow(path)]).toEqual([1, 1]);
  await stream.cancel();
  expect([downloads.running, openBelow(path)]).toEqual([0, 0]);
});
