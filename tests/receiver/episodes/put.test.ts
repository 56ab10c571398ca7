// The commit protocol over real sockets: what is answered, and what is on the disk then.

import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DamageNotes } from "../../../lib/receiver/episodes/damage-notes.ts";
import { createDownloads } from "../../../lib/receiver/episodes/downloads.ts";
import { createHeartbeatAdmission } from "../../../lib/receiver/heartbeats/admission.ts";
import { openHeartbeats } from "../../../lib/receiver/heartbeats/store.ts";
import { createRefusedBeats } from "../../../lib/receiver/refusals/refused-beats.ts";
import { realDisk } from "../../../lib/receiver/store/files/disk.ts";
import {
  ANY_EPISODE,
  appOf,
  bytes,
  cleanUp,
  IDENTITY,
  onCleanUp,
  put,
  ROOM,
  rawClient,
  reprDigest,
  sha256,
  startReceiver,
  tempDir,
  until,
} from "../support.ts";

afterEach(cleanUp);

describe("an episode", () => {
  test("is answered 201 with a receipt, and is file and row then", async () => {
    const receiver = await startReceiver();
    const body = bytes(100_000);
    const answer = await put(receiver.url, "lab1", "ep1", body, {
      "Repr-Digest": reprDigest(body),
      "X-Labfleet-Code-Commit": "abc123",
      "X-Labfleet-Tree-Digest": `sha256:${"c".repeat(64)}`,
    });
    expect(answer.status).toBe(201);
    const [row] = receiver.rows();
    const digest = sha256(body);
    expect(row).toEqual({
      host_id: "lab1",
      episode_id: "ep1",
      received_at_wall: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/),
      bytes: 100_000,
      sha256: digest,
      code_commit: "abc123",
      path: "episodes/lab1/ep1.tar.zst",
      tree_sha256: `v1:${"c".repeat(64)}`,
    });
    expect(await answer.json()).toEqual({
      status: "stored",
      host_id: "lab1",
      episode_id: "ep1",
      bytes: 100_000,
      sha256: digest,
      tree_sha256: "c".repeat(64),
      received_at_wall: row?.received_at_wall,
      receiver_id: IDENTITY.id,
    });
    expect(sha256(readFileSync(join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst")))).toBe(digest);
    expect(receiver.incoming()).toEqual([]);
    expect(await receiver.attemptRows()).toMatchObject([
      { host_id: "lab1", episode_id: "ep1", status: 201, reason: "stored", bytes: 100_000, code_commit: "abc123" },
    ]);
    expect(receiver.log.lines.find((line) => line.includes("PUT"))).toMatch(
      /^info: 127\.0\.0\.1:\d+ - "PUT \/v1\/episodes\/lab1\/ep1\.tar\.zst HTTP\/1\.1" 201$/,
    );
  });

  test("comes back by GET and HEAD", async () => {
    const receiver = await startReceiver();
    const body = bytes(300_000);
    await put(receiver.url, "lab1", "ep1", body);
    const url = `${receiver.url}/v1/episodes/lab1/ep1.tar.zst`;
    const head = await fetch(url, { method: "HEAD", proxy: "" });
    expect([head.status, head.headers.get("content-length"), head.headers.get("repr-digest")]).toEqual([
      200,
      "300000",
      reprDigest(body),
    ]);
    expect(sha256(await (await fetch(url, { proxy: "" })).bytes())).toBe(sha256(body));
    expect((await fetch(url.replace("ep1", "ep2"), { proxy: "" })).status).toBe(404);
  });

  test("again is 200, one row; other content is 409 with what is stored", async () => {
    const receiver = await startReceiver();
    await put(receiver.url, "lab1", "ep1", bytes(5000));
    const again = await put(receiver.url, "lab1", "ep1", bytes(5000));
    expect([again.status, await again.json()]).toMatchObject([
      200,
      { status: "duplicate", sha256: sha256(bytes(5000)) },
    ]);
    const other = await put(receiver.url, "lab1", "ep1", bytes(5000, 2));
    expect([other.status, other.headers.get("content-type")]).toEqual([409, "application/problem+json"]);
    expect(await other.json()).toMatchObject({ reason: "conflict", sha256: sha256(bytes(5000)), tree_sha256: null });
    expect(receiver.rows()).toHaveLength(1);
  });

  test("packed again (other bytes, equal tree) is a duplicate", async () => {
    const receiver = await startReceiver();
    const tree = { "X-Labfleet-Tree-Digest": `sha256:${"d".repeat(64)}` };
    await put(receiver.url, "lab1", "ep1", bytes(5000), { ...tree, "Repr-Digest": reprDigest(bytes(5000)) });
    const again = await put(receiver.url, "lab1", "ep1", bytes(4000), {
      ...tree,
      "Repr-Digest": reprDigest(bytes(4000)),
    });
    expect([again.status, await again.json()]).toMatchObject([
      200,
      { status: "duplicate", bytes: 5000, sha256: sha256(bytes(5000)) },
    ]);
  });

  test("without a digest (curl, the Python fleet) is taken, and compared by reading when the name is taken", async () => {
    const receiver = await startReceiver();
    const headers = { "X-Cis490-Code-Commit": "old-commit" };
    expect((await put(receiver.url, "lab1", "ep1", bytes(70_000), headers)).status).toBe(201);
    expect(receiver.rows()).toMatchObject([
      { sha256: sha256(bytes(70_000)), code_commit: "old-commit", tree_sha256: null },
    ]);
    expect((await put(receiver.url, "lab1", "ep1", bytes(70_000), headers)).status).toBe(200);
    expect((await put(receiver.url, "lab1", "ep1", bytes(70_000, 3), headers)).status).toBe(409);
    expect(receiver.incoming()).toEqual([]);
  });

  test("with another digest than declared is 400 and leaves nothing", async () => {
    const receiver = await startReceiver();
    const answer = await put(receiver.url, "lab1", "ep1", bytes(5000), { "Repr-Digest": reprDigest(bytes(5000, 2)) });
    expect([answer.status, await answer.json()]).toMatchObject([400, { reason: "digest-mismatch" }]);
    expect([receiver.rows(), receiver.incoming()]).toEqual([[], []]);
    expect(existsSync(join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst"))).toBe(false);
  });
});

test("the same name from twenty uploads at once: one is stored, every other is told so, one file and one row", async () => {
  const receiver = await startReceiver();
  const answers = await Promise.all(Array.from({ length: 20 }, () => put(receiver.url, "lab1", "ep1", bytes(200_000))));
  expect(answers.map((a) => a.status).sort()).toEqual([...Array(19).fill(200), 201]);
  const mixed = await Promise.all(
    Array.from({ length: 10 }, (_, i) => put(receiver.url, "lab1", "ep2", bytes(90_000, i))),
  );
  expect(mixed.map((a) => a.status).sort()).toEqual([201, ...Array(9).fill(409)]);
  expect(receiver.rows()).toHaveLength(2);
  expect(receiver.incoming()).toEqual([]);
});

test("a thousand episodes at once are a thousand files and rows, each found again", async () => {
  const receiver = await startReceiver({ limits: { uploadsTotal: 5000, uploadsPerHost: 5000 } });
  const ids = Array.from({ length: 1000 }, (_, i) => `ep${i}`);
  const answers = await Promise.all(ids.map((id, i) => put(receiver.url, `lab${i % 7}`, id, bytes(300, i))));
  expect(new Set(answers.map((a) => a.status))).toEqual(new Set([201]));
  expect(new Set(receiver.rows().map((r) => `${r.host_id}/${r.episode_id}`)).size).toBe(1000);
  const again = await Promise.all(ids.map((id, i) => put(receiver.url, `lab${i % 7}`, id, bytes(300, i))));
  expect(new Set(again.map((a) => a.status))).toEqual(new Set([200]));
});

test("a client that vanishes in the body leaves nothing but an attempt", async () => {
  const receiver = await startReceiver();
  const client = await rawClient(receiver.port);
  await client.send("PUT /v1/episodes/lab1/ep1.tar.zst HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  await client.send(bytes(400_000));
  await until(() => receiver.incoming().length === 1);
  client.socket.destroy();
  await until(() => receiver.incoming().length === 0);
  await until(() => receiver.log.lines.some((line) => line.includes("rejected")));
  expect(await receiver.attemptRows()).toMatchObject([
    { host_id: "lab1", episode_id: "ep1", status: 499, reason: "client-gone" },
  ]);
  expect(receiver.rows()).toEqual([]);
  // No answer was sent, so there is no access line.
  expect(receiver.log.lines.filter((line) => line.includes('"PUT'))).toEqual([]);
  // The late clean-up of the first attempt does not touch the second.
  expect((await put(receiver.url, "lab1", "ep1", bytes(1000))).status).toBe(201);
});

test("the clean-up of an attempt that broke off late leaves a later one alone (restic/rest-server#142)", async () => {
  const receiver = await startReceiver();
  const frozen = await rawClient(receiver.port);
  await frozen.send("PUT /v1/episodes/lab1/ep1.tar.zst HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n");
  await frozen.send(bytes(5000).subarray(0, 3000));
  await until(() => receiver.incoming().length === 1);
  expect((await put(receiver.url, "lab1", "ep1", bytes(5000))).status).toBe(201);
  frozen.socket.destroy();
  await until(() => receiver.incoming().length === 0);
  expect(sha256(readFileSync(join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst")))).toBe(sha256(bytes(5000)));
});

describe("a disk that fails", () => {
  const failing = (code: string, at: "create" | "write" | "flush") => ({
    ...realDisk,
    [at]: () => Promise.reject(Object.assign(new Error(`${code}: it failed`), { code })),
  });
  test.each([
    ["ENOSPC", "write", 507, "disk-full"],
    ["EDQUOT", "flush", 507, "disk-full"],
    ["ENOSPC", "create", 507, "disk-full"],
    ["EIO", "write", 500, "storage-failed"],
    ["EIO", "flush", 500, "storage-failed"],
  ] as const)(
    "%s at %s is %p %s, nothing is left, and whether it can store is looked at anew",
    async (code, at, status, reason) => {
      let doubts = 0;
      const deps = { diskRefused: () => void doubts++ };
      const receiver = await startReceiver({ disk: failing(code, at), deps });
      const answer = await put(receiver.url, "lab1", "ep1", bytes(200_000));
      expect([answer.status, await answer.json()]).toMatchObject([status, { reason }]);
      expect(answer.headers.get("retry-after")).not.toBeNull();
      expect([receiver.rows(), receiver.incoming(), doubts]).toEqual([[], [], 1]);
      expect(existsSync(join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst"))).toBe(false);
    },
  );

  test.skipIf(process.getuid?.() !== 0)(
    "a full tmpfs (needs root): 507 for what does not fit, the small ones are stored",
    async () => {
      const dataRoot = tempDir();
      const mount = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", dataRoot]);
      expect(mount.exitCode).toBe(0);
      onCleanUp(() => Bun.spawnSync(["umount", "-l", dataRoot]));
      const receiver = await startReceiver({ dataRoot });
      const [big, small] = await Promise.all([
        put(receiver.url, "lab1", "big", bytes(12_000_000)),
        put(receiver.url, "lab1", "small", bytes(1000)).then(async (a) =>
          a.status === 507 ? put(receiver.url, "lab1", "small", bytes(1000)) : a,
        ),
      ]);
      expect([big.status, await big.json()]).toMatchObject([507, { reason: "disk-full" }]);
      expect(receiver.incoming()).toEqual([]);
      const after = await put(receiver.url, "lab1", "after", bytes(1000));
      expect([small.status, after.status]).toEqual([201, 201]);
      expect(
        receiver
          .rows()
          .map((r) => r.episode_id)
          .sort(),
      ).toEqual(["after", "small"]);
    },
  );
});

test("an index row that cannot be written is a 500, and the next PUT completes the episode without a second file", async () => {
  const receiver = await startReceiver();
  const append = receiver.opened.index.append;
  receiver.opened.index.append = () => Promise.reject(Object.assign(new Error("EIO: i/o error"), { code: "EIO" }));
  expect((await put(receiver.url, "lab1", "ep1", bytes(5000))).status).toBe(500);
  expect(existsSync(join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst"))).toBe(true);
  receiver.opened.index.append = append;
  expect(
    (
      await put(receiver.url, "lab1", "ep1", bytes(5000), {
        "Repr-Digest": reprDigest(bytes(5000)),
        "X-Labfleet-Code-Commit": "abc",
      })
    ).status,
  ).toBe(200);
  expect(receiver.rows()).toMatchObject([{ episode_id: "ep1", sha256: sha256(bytes(5000)) }]);
  expect(receiver.rows()[0]).not.toHaveProperty("recovered");
});

describe("a name with a past", () => {
  test("a file that someone put there gets its row when it is asked for", async () => {
    const receiver = await startReceiver();
    mkdirSync(join(receiver.dataRoot, "episodes/lab1"));
    writeFileSync(join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst"), bytes(5000));
    const answers = await Promise.all([1, 2, 3].map(() => put(receiver.url, "lab1", "ep1", bytes(5000))));
    expect(answers.map((a) => a.status)).toEqual([200, 200, 200]);
    expect(receiver.rows()).toMatchObject([{ episode_id: "ep1", bytes: 5000, recovered: true, code_commit: null }]);
    expect((await put(receiver.url, "lab1", "ep1", bytes(5000, 2))).status).toBe(409);
  });

  test("a row whose file is gone: the same bytes come back without a second row, others are a conflict", async () => {
    const receiver = await startReceiver();
    await put(receiver.url, "lab1", "ep1", bytes(5000));
    const file = join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst");
    rmSync(file);
    expect((await put(receiver.url, "lab1", "ep1", bytes(5000, 2))).status).toBe(409);
    expect((await put(receiver.url, "lab1", "ep1", bytes(5000, 2), {})).status).toBe(409);
    expect((await fetch(`${receiver.url}/v1/episodes/lab1/ep1.tar.zst`, { method: "HEAD" })).status).toBe(404);
    expect((await put(receiver.url, "lab1", "ep1", bytes(5000))).status).toBe(201);
    expect(sha256(readFileSync(file))).toBe(sha256(bytes(5000)));
    expect(receiver.rows()).toHaveLength(1);
  });

  test("a host's directory that was removed is made again", async () => {
    const receiver = await startReceiver();
    await put(receiver.url, "lab1", "ep1", bytes(5000));
    rmSync(join(receiver.dataRoot, "episodes/lab1"), { recursive: true });
    expect((await put(receiver.url, "lab1", "ep2", bytes(5000))).status).toBe(201);
  });

  test("a stored file of another size is never called a duplicate: 503, ours to mend", async () => {
    const receiver = await startReceiver();
    await put(receiver.url, "lab1", "ep1", bytes(5000));
    truncateSync(join(receiver.dataRoot, "episodes/lab1/ep1.tar.zst"), 4000);
    const again = await put(receiver.url, "lab1", "ep1", bytes(5000));
    expect([again.status, await again.json()]).toMatchObject([503, { reason: "damaged" }]);
  });
});

test("as a function of a request, without any connection", async () => {
  const receiver = await startReceiver();
  const app = appOf({
    store: {
      ...receiver.opened.store,
      ready: async () => ({ kind: "bytes", why: "the disk is full", fix: null }),
    },
    log: receiver.log,
    admission: {
      uploads: 0,
      outstandingBytes: 0,
      noRoom: null,
      enter: () => ({ kind: "slot", wrote: () => undefined, leave: () => undefined }),
      ask: () => null,
      moving: () => new Map(),
    },
    accepted: () => ({ kind: "any" }),
    checkToken: null,
    enrol: async () => "would",
    authority: async () => null,
    rules: () => ANY_EPISODE,
    watcher: () => null,
    stopping: () => false,
    nowMs: () => Date.now(),
    attempts: receiver.attempts,
    refusals: receiver.refusals,
    downloads: createDownloads({ total: 1, perHost: 1 }),
    shelf: () => receiver.dataRoot,
    damage: new DamageNotes(receiver.log),
    duplicates: { saw: () => undefined, find: () => null },
    knownHost: () => false,
    heartbeats: {
      store: openHeartbeats(join(receiver.dataRoot, "heartbeats"), receiver.log),
      admission: createHeartbeatAdmission(
        () => 0,
        () => ROOM,
      ),
      refused: createRefusedBeats(),
      listed: async (hosts) => [...hosts],
      withRefusal: async (view) => view,
    },
    identity: () => IDENTITY,
    room: () => ROOM,
  });
  const body = bytes(5000);
  const stored = await app.request("/v1/episodes/lab1/ep1.tar.zst", {
    method: "PUT",
    body,
    headers: { "Content-Length": "5000" },
  });
  expect(stored.status).toBe(201);
  const back = await app.request("/v1/episodes/lab1/ep1.tar.zst");
  expect([back.headers.get("repr-digest"), sha256(await back.bytes())]).toEqual([reprDigest(body), sha256(body)]);
  expect((await app.request("/healthz")).status).toBe(200);
  expect(await (await app.request("/readyz")).json()).toMatchObject({
    status: 503,
    reason: "not-ready",
    detail: "the disk is full",
  });
  expect((await app.request("/v1/episodes/lab1/ep1.tar.zst", { method: "DELETE" })).headers.get("allow")).toBe(
    "PUT, GET, HEAD",
  );
  expect((await app.request("/")).status).toBe(404);
});
