// What every backend of the store does (lib/receiver/episode-store.ts), the one on files and one in memory; and the receiver over both.

import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { archivePath, type IndexRow } from "../../../lib/contract/index-row.ts";
import type { EpisodeStore, Upload } from "../../../lib/receiver/episode-store.ts";
import { sweepUploads } from "../../../lib/receiver/store/uploads.ts";
import { createMemoryStore } from "../../support/memory-store.ts";
import { bytes, cleanUp, openIn, put, reprDigest, sha256, startReceiver, tempDir } from "../support.ts";

afterEach(cleanUp);

const EP = { host: "lab1", id: "ep1" };
const BODY = bytes(300_000);

function rowOf(body: Uint8Array, id = "ep1"): IndexRow {
  return {
    host_id: "lab1",
    episode_id: id,
    received_at_wall: "2026-05-01T06:37:53.830000+00:00",
    bytes: body.length,
    sha256: sha256(body),
    code_commit: "abc",
    path: archivePath({ host: "lab1", id }),
    tree_sha256: null,
  };
}

async function uploaded(store: EpisodeStore, body: Uint8Array = BODY, id = "ep1"): Promise<Upload> {
  const upload = await store.begin({ host: "lab1", id });
  for (let at = 0; at < body.length; at += 65_536) await upload.write(body.subarray(at, at + 65_536));
  return upload;
}

interface Backend {
  store: EpisodeStore;
  /** What is left of uploads. */
  left: () => number;
}

const BACKENDS: [string, () => Promise<Backend>][] = [
  [
    "on files",
    async () => {
      const root = tempDir();
      const { store } = await openIn(root);
      return { store, left: () => readdirSync(join(root, "incoming")).length };
    },
  ],
  [
    "in memory",
    async () => {
      const store = createMemoryStore();
      return { store, left: () => store.underWay };
    },
  ],
];

describe.each(BACKENDS)("a store %s", (_, open) => {
  test("has nothing of a name before its commit, and all of it from then on", async () => {
    const { store, left } = await open();
    const upload = await uploaded(store);
    expect([await store.find(EP), left()]).toEqual([{ kind: "none" }, 1]);
    const row = rowOf(BODY);
    expect(await upload.commit(row)).toEqual({ kind: "published", row });
    await upload.discard();
    expect([await store.find(EP), left()]).toEqual([{ kind: "stored", row }, 0]);
  });

  test("gives ranges of an archive, and nothing behind its end", async () => {
    const { store } = await open();
    const upload = await uploaded(store);
    await upload.commit(rowOf(BODY));
    await upload.discard();
    const archive = await store.open(EP);
    const read = async (from: number, max: number): Promise<Buffer> => Buffer.from(await archive.read(from, max));
    expect((await read(0, 10)).equals(BODY.subarray(0, 10))).toBe(true);
    expect((await read(299_990, 4096)).equals(BODY.subarray(299_990))).toBe(true);
    expect(await read(300_000, 4096)).toHaveLength(0);
    await archive.close();
    for (const how of ["opened", "read"] as const)
      expect(await store.prove(EP, rowOf(BODY), how)).toEqual({ kind: "sound" });
    expect(await store.prove(EP, rowOf(bytes(10)), "read")).toMatchObject({ kind: "damaged" });
  });

  test("gives a name once, whoever of two is the first, and says what took it", async () => {
    const { store, left } = await open();
    const [a, b] = [await uploaded(store), await uploaded(store, bytes(10, 2))];
    const both = await Promise.all([a.commit(rowOf(BODY)), b.commit(rowOf(bytes(10, 2)))]);
    await Promise.all([a.discard(), b.discard()]);
    const stored = await store.find(EP);
    const first = both.findIndex(({ kind }) => kind === "published");
    expect(stored).toEqual({ kind: "stored", row: rowOf(first === 0 ? BODY : bytes(10, 2)) });
    expect([both[1 - first], left()]).toEqual([{ kind: "taken", by: stored as never }, 0]);
  });

  test("keeps nothing of an upload that was given up", async () => {
    const { store, left } = await open();
    await (await uploaded(store)).discard();
    expect([await store.find(EP), left()]).toEqual([{ kind: "none" }, 0]);
    await expect(store.open(EP)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("is ready, and says what fits", async () => {
    const { store } = await open();
    expect(await store.ready()).toBeNull();
    expect(store.free().freeBytes).toBeGreaterThan(0);
  });

  test("serves a receiver: stored, again, another one, back, confirmed", async () => {
    const { store } = await open();
    const { url } = await startReceiver({ deps: { store } });
    expect((await put(url, "lab1", "ep1", BODY)).status).toBe(201);
    expect((await put(url, "lab1", "ep1", BODY)).status).toBe(200);
    expect((await put(url, "lab1", "ep1", bytes(300_000, 2))).status).toBe(409);
    const at = `${url}/v1/episodes/lab1/ep1.tar.zst`;
    expect(sha256(await (await fetch(at, { proxy: "" })).bytes())).toBe(sha256(BODY));
    const head = await fetch(at, { method: "HEAD", proxy: "", headers: { "X-Labfleet-Ask": "0123456789abcdef" } });
    expect([head.status, head.headers.get("repr-digest"), head.headers.get("x-labfleet-ask")]).toEqual([
      200,
      reprDigest(BODY),
      "0123456789abcdef",
    ]);
    const body = JSON.stringify({ bytes: 300_000, sha256: sha256(BODY), tree_sha256: null, code_commit: null });
    const judge = await fetch(`${url}/v1/judge/lab1/ep1`, { method: "POST", body, proxy: "" });
    expect(await judge.json()).toMatchObject({ would: "stored" });
    expect((await fetch(`${url}/readyz`, { proxy: "" })).status).toBe(200);
  });
});

test("a start sweeps what a crash left of uploads, but not one that outlives its request, and nothing else", async () => {
  const root = tempDir();
  const { store } = await openIn(root);
  const incoming = join(root, "incoming");
  for (const id of ["a", "b"]) await store.begin({ host: "lab1", id });
  await Bun.write(join(incoming, "notes.txt"), "");
  expect(await sweepUploads(incoming, ({ name }) => name.startsWith("lab1.b."))).toBe(1);
  expect(readdirSync(incoming).sort()).toEqual([expect.stringMatching(/^lab1\.b\.[0-9a-f]{24}\.part$/), "notes.txt"]);
  expect(await sweepUploads(incoming)).toBe(1);
  expect(readdirSync(incoming)).toEqual(["notes.txt"]);
});
