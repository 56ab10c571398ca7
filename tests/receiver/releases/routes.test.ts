// A release as a collector serves it, from the file that holds it to the directory of a host: over real sockets.

import { afterEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { piecePath } from "../../../lib/contract/release.ts";
import { UserError } from "../../../lib/core/failure.ts";
import { createDownloads } from "../../../lib/receiver/episodes/downloads.ts";
import { httpSource } from "../../../lib/release/http-source.ts";
import { openRelease } from "../../../lib/release/open.ts";
import { servedName, shelve, shelved } from "../../../lib/release/shelf.ts";
import { openSource } from "../../../lib/release/source.ts";
import { stage } from "../../../lib/release/stage.ts";
import { type Making, makeRelease, TARGET } from "../../support/release.ts";
import { cleanUp, rawClient, startReceiver, type TestOptions, tempDir } from "../support.ts";

afterEach(cleanUp);

const FILES = { "install.sh": "#!/bin/sh\necho hello\n", "units/x.service": "[Unit]\n" };

/** A release on a disk, and a receiver that serves what is taken in. */
async function scene(options: TestOptions = {}) {
  const root = tempDir();
  const receiver = await startReceiver(options);
  const shelf = join(receiver.dataRoot, "served");
  const made = (name: string, making: Making = {}) => {
    const dir = join(root, name);
    mkdirSync(dir);
    return { dir, ...makeRelease(dir, { files: FILES, ...making }) };
  };
  const first = made("first");
  const add = async (dir: string, isForced = false): Promise<string> => {
    using source = openSource(dir);
    return await shelve(await openRelease(source, first.keys), source, shelf, isForced);
  };
  const get = async (path: string, method = "GET") => {
    const answer = await fetch(`${receiver.url}${path}`, { method, proxy: "" });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  return { root, receiver, shelf, made, first, add, get };
}

const why = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "taken",
    (error: unknown) => (error instanceof UserError ? error.message : Promise.reject(error)),
  );

test("a release that was taken in is served whole: its script, its list and its pieces, by its name and as the current one", async () => {
  const { first, add, get, shelf } = await scene();
  expect((await get("/install.sh")).status).toBe(404);
  expect(await add(first.dir)).toBe("1.0.0-1");
  expect([await servedName(shelf), await shelved(shelf)]).toEqual(["1.0.0-1", ["1.0.0-1"]]);
  const script = await get("/install.sh");
  expect([script.status, script.text, script.headers.get("content-type")]).toEqual([
    200,
    FILES["install.sh"],
    "text/x-shellscript",
  ]);
  const current = await get("/releases/current/release.json");
  expect([current.headers.get("x-labfleet-release"), current.headers.get("cache-control")]).toEqual([
    "1.0.0-1",
    "no-store",
  ]);
  expect(current.text).toBe(readFileSync(join(first.dir, "release.json"), "utf8"));
  const path = piecePath(first.release.executables[0]?.runtime ?? "");
  const piece = await fetch(`${(await scene()).receiver.url}/releases/1.0.0-1/${path}`, { proxy: "" });
  expect(piece.status).toBe(404);
  const named = await get(`/releases/1.0.0-1/${path}`);
  expect([named.status, named.headers.get("cache-control")]).toEqual([200, "max-age=86400, immutable"]);
  expect(Number(named.headers.get("content-length"))).toBe(readFileSync(join(first.dir, path)).length);
  const head = await get("/install.sh", "HEAD");
  expect([head.status, head.text]).toEqual([200, ""]);
  expect((await get("/install.sh", "POST")).headers.get("allow")).toBe("GET, HEAD");
});

test("a host takes it from there, and goes on with the one that it has begun with", async () => {
  const { root, first, add, made, receiver } = await scene();
  await add(first.dir);
  using source = httpSource(`${receiver.url}/`, null);
  const opened = await openRelease(source, first.keys);
  const second = made("second", { serial: 2, key: first.key, files: { ...FILES, "units/x.service": "[Unit]\n#2\n" } });
  await add(second.dir);
  const staging = { releasesDir: join(root, "opt"), target: TARGET, tools: ["shipper", "heartbeat"], known: [] };
  const { dir } = await stage(opened, source, staging);
  expect(readFileSync(join(dir, "units/x.service"), "utf8")).toBe(FILES["units/x.service"]);
});

test("what comes from elsewhere than from whoever signs is taken from no collector", async () => {
  const { first, add, receiver, shelf } = await scene();
  await add(first.dir);
  const other = await scene();
  expect(await why(openRelease(httpSource(receiver.url, null), other.first.keys))).toContain(
    "a key that is not known here",
  );
  writeFileSync(join(shelf, "1.0.0-1/release.json"), "{}");
  expect(await why(openRelease(httpSource(receiver.url, null), first.keys))).toMatch(
    /release.json: it is not what [0-9A-F]{16} has signed$/,
  );
});

test("a collector that is not there, or has none, is said", async () => {
  const { receiver, first } = await scene();
  expect(await why(openRelease(httpSource("http://127.0.0.1:9", null), first.keys))).toMatch(
    /^cannot reach http:\/\/127.0.0.1:9: "/,
  );
  expect(await why(openRelease(httpSource(receiver.url, null), first.keys))).toBe(
    `${receiver.url} has no release.json`,
  );
  const busy = await scene({ deps: { downloads: createDownloads({ total: 0, perHost: 0 }) } });
  await busy.add(busy.first.dir);
  expect(await why(openRelease(httpSource(busy.receiver.url, null), first.keys))).toBe(
    `${busy.receiver.url} answers 429 for release.json`,
  );
});

describe("what is taken in", () => {
  test("is proved first: of one that is cut or changed nothing is left", async () => {
    const { first, add, shelf } = await scene();
    const path = join(first.dir, piecePath(first.release.executables[0]?.tail ?? ""));
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 1));
    expect(await why(add(first.dir))).toMatch(/pieces\/[0-9a-f]{64}.gz is not what the list says$/);
    rmSync(path);
    expect(await why(add(first.dir))).toMatch(/it has no pieces\/[0-9a-f]{64}.gz$/);
    expect(readdirSync(shelf)).toEqual([]);
  });

  test("goes on from what a kill has left, and is not written twice", async () => {
    const { first, add, shelf } = await scene();
    mkdirSync(join(shelf, ".1.0.0-1.new/pieces"), { recursive: true });
    symlinkSync("nowhere", join(shelf, ".current.new"));
    await add(first.dir);
    expect(readdirSync(shelf).sort()).toEqual(["1.0.0-1", "current"]);
    expect(await add(first.dir)).toBe("1.0.0-1");
  });

  test("is proved again where it is there: what is damaged of it is mended", async () => {
    const { first, add, shelf } = await scene();
    const name = await add(first.dir);
    const path = join(shelf, name, piecePath(first.release.executables[0]?.tail ?? ""));
    const bytes = readFileSync(path);
    writeFileSync(path, "x");
    expect(await add(first.dir)).toBe(name);
    expect(readFileSync(path)).toEqual(bytes);
    expect(readdirSync(shelf).sort()).toEqual([name, "current"]);
  });

  test("is not older than what is served, unless that is meant", async () => {
    const { first, add, made, shelf } = await scene();
    const second = made("second", { serial: 2, key: first.key });
    expect(await add(second.dir)).toBe("1.0.0-2");
    expect(await why(add(first.dir))).toBe(`${first.dir} is older than what is served: serial 1, and 2`);
    expect(readlinkSync(join(shelf, "current"))).toBe("1.0.0-2");
    expect(await add(first.dir, true)).toBe("1.0.0-1");
    expect(await shelved(shelf)).toEqual(["1.0.0-1", "1.0.0-2"]);
  });
});

test.each([
  ...[
    "/releases/current/../../index.jsonl",
    "/releases/../index.jsonl",
    "/releases/current/%2e%2e/x",
    "/releases/.1.0.0-1.new/x",
  ],
  ...[
    "/releases/1.0.0-1/.hidden",
    "/releases/1.0.0-1/units",
    "/releases/1.0.0-1/",
    "/releases/",
    "/releases//etc/passwd",
  ],
  ...["/releases/1.0.0-1/link", "/releases/1.0.0-1/pipe", "/install.sh/x"],
])("%s is nothing that is served", async (path) => {
  const { first, add, shelf, receiver } = await scene();
  await add(first.dir);
  symlinkSync("/etc/hostname", join(shelf, "1.0.0-1/link"));
  writeFileSync(join(shelf, "1.0.0-1/.hidden"), "x");
  Bun.spawnSync(["mkfifo", join(shelf, "1.0.0-1/pipe")]);
  expect(existsSync(join(shelf, "1.0.0-1/pipe"))).toBe(true);
  // As it is written: fetch would tidy it up.
  const client = await rawClient(receiver.port);
  await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await client.closed;
  expect(client.text().split("\r\n")[0]).toMatch(/^HTTP\/1.1 (404|400) /);
});
