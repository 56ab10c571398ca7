// HEAD of an episode: a shipper removes its own copy on the strength of a 200, so it says what is there now.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytes, cleanUp, IDENTITY, put, rawClient, reprDigest, startReceiver, type TestReceiver } from "../support.ts";

afterEach(cleanUp);

async function stored(): Promise<{ receiver: TestReceiver; file: string; head: () => Promise<Response> }> {
  const receiver = await startReceiver();
  expect((await put(receiver.url, "lab1", "ep1", bytes(5000))).status).toBe(201);
  const head = () => fetch(`${receiver.url}/v1/episodes/lab1/ep1.tar.zst`, { method: "HEAD", proxy: "" });
  const before = await head();
  expect([before.status, before.headers.get("repr-digest"), before.headers.get("content-length")]).toEqual([
    200,
    reprDigest(bytes(5000)),
    "5000",
  ]);
  return { receiver, file: join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst"), head };
}

test.each<[string, (file: string) => void, number]>([
  ["gone", (file) => rmSync(file), 404],
  ["gone with its whole directory", (file) => rmSync(join(file, ".."), { recursive: true }), 404],
  ["a byte shorter", (file) => truncateSync(file, 4999), 503],
  ["empty, as a file system's repair may leave it", (file) => truncateSync(file, 0), 503],
  [
    "a link to somewhere else",
    (file) => {
      renameSync(file, `${file}.moved`);
      symlinkSync(`${file}.moved`, file);
    },
    503,
  ],
  [
    "a directory",
    (file) => {
      rmSync(file);
      mkdirSync(file);
    },
    503,
  ],
])("a file that is %s a moment later is no 200, though its row is there", async (_, change, status) => {
  const { receiver, file, head } = await stored();
  change(file);
  const answer = await head();
  expect([answer.status, answer.headers.get("x-labfleet-receiver-id")]).toEqual([status, IDENTITY.id]);
  expect([answer.headers.get("repr-digest"), await answer.text()]).toEqual([null, ""]);
  expect(receiver.rows()).toHaveLength(1);
});

test("a file whose row is missing gets its row first", async () => {
  const receiver = await startReceiver();
  mkdirSync(join(receiver.dataRoot, "episodes/lab1"));
  writeFileSync(join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst"), bytes(100));
  const answer = await fetch(`${receiver.url}/v1/episodes/lab1/ep1.tar.zst`, { method: "HEAD", proxy: "" });
  expect([answer.status, answer.headers.get("repr-digest")]).toEqual([200, reprDigest(bytes(100))]);
  expect(receiver.rows()).toMatchObject([{ episode_id: "ep1", recovered: true }]);
});

test("what is no HTTP at all is answered with the store's name and mark, and without an echo", async () => {
  const receiver = await startReceiver();
  const client = await rawClient(receiver.port);
  await client.send("PUT /v1/episodes/lab1/ep1.tar.zst\r\n\r\n");
  await client.seen("}\n");
  const [head = "", body = ""] = client.text().split("\r\n\r\n");
  expect(head.toLowerCase()).toContain(`x-labfleet-receiver-id: ${IDENTITY.id}`);
  const problem = JSON.parse(body);
  expect(problem).toMatchObject({ type: "urn:labfleet:problem:malformed", receiver_id: IDENTITY.id });
  expect(problem).not.toHaveProperty("echo");
  await client.closed;
});

test("the word that a HEAD carries is repeated, so that no cache can answer it, and nothing else is", async () => {
  const { receiver } = await stored();
  const ask = async (word: string) => {
    const url = `${receiver.url}/v1/episodes/lab1/ep1.tar.zst`;
    return (await fetch(url, { method: "HEAD", proxy: "", headers: { "X-Labfleet-Ask": word } })).headers;
  };
  const headers = await ask("0123456789abcdef");
  expect([headers.get("x-labfleet-ask"), headers.get("cache-control")]).toEqual(["0123456789abcdef", "no-store"]);
  for (const word of ["", "0123456789abcde", "0123456789abcdeF", "a".repeat(65)])
    expect((await ask(word)).get("x-labfleet-ask")).toBeNull();
});
