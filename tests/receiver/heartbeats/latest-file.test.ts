// heartbeats/<host>.json.zst: small, whole or unreadable, and the plain files of before are read until their host speaks again.

import { expect, test } from "bun:test";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { decodeLatest, encodeLatest, readLatest } from "../../../lib/os/files/latest-heartbeat.ts";
import { hostNames } from "../../../lib/receiver/heartbeats/latest-file.ts";
import { openHeartbeats } from "../../../lib/receiver/heartbeats/store.ts";
import { keptLog, tempDir } from "../support.ts";
import { heartbeat, readStored, result, storedAfter, T0 } from "./support.ts";

const CHECKS = Array.from({ length: 24 }, (_, n) =>
  result({
    name: `check-${n}`,
    message: `OK - ${n} of 24 are as they should be`,
    perfdata: [{ label: "value", value: n * 1.7, uom: "s", warning: null, critical: null, min: 0, max: null }],
  }),
);

test("a document comes back as it was, from a tenth of its bytes", () => {
  const document = storedAfter([CHECKS]);
  const bytes = encodeLatest(document);
  expect(decodeLatest(bytes)).toEqual(document);
  expect(bytes.length * 10).toBeLessThan(JSON.stringify(document).length);
});

test("what a power cut tore is unreadable, and never half a document", () => {
  const bytes = encodeLatest(storedAfter([CHECKS]));
  for (let end = 0; end < bytes.length; end++) expect(decodeLatest(bytes.subarray(0, end))).toBeNull();
  expect(decodeLatest(new Uint8Array(bytes.length))).toBeNull();
  expect(decodeLatest(Buffer.from(JSON.stringify(storedAfter([CHECKS]))))).toBeNull();
});

test("a plain file of before is its host's until the next heartbeat, and then there is one file", async () => {
  const dir = join(tempDir(), "heartbeats");
  mkdirSync(dir);
  const before = storedAfter([CHECKS], { seen: [{ boot_id: "boot-a", ranges: [[1, 1]] }] });
  for (const host of ["lab1", "lab2"]) writeFileSync(join(dir, `${host}.json`), `${JSON.stringify(before)}\n`);
  expect(await hostNames(dir)).toEqual(["lab1", "lab2"]);
  expect(await readLatest(dir, "lab1")).toEqual({ kind: "found", stored: before });
  const store = openHeartbeats(dir, keptLog());
  await store.put(heartbeat({ sequence: 2, uptime_s: 1060, sent_at: "2026-05-01T12:01:00Z" }), null, T0 + 60_000);
  expect(readdirSync(dir).sort()).toEqual(["2026-05-01.jsonl", "lab1.json.zst", "lab2.json"]);
  // What was counted before goes on.
  expect(readStored(dir, "lab1").seen).toEqual([{ boot_id: "boot-a", ranges: [[1, 2]] }]);
  expect((await store.list()).map(({ host }) => host)).toEqual(["lab1", "lab2"]);
});

test("a host with both files is one host; one whose plain file is torn is listed as unreadable", async () => {
  const dir = join(tempDir(), "heartbeats");
  const store = openHeartbeats(dir, keptLog());
  await store.put(heartbeat(), null, T0);
  for (const host of ["lab1", "lab2"]) writeFileSync(join(dir, `${host}.json`), "torn");
  expect(await store.names()).toEqual(["lab1", "lab2"]);
  const listed = await openHeartbeats(dir, keptLog()).list();
  expect(listed.map(({ host, heartbeat: known }) => [host, known !== null])).toEqual([
    ["lab1", true],
    ["lab2", false],
  ]);
});

test("a host whose file is removed is forgotten, also one whose plain file a kill left beside it", async () => {
  const dir = join(tempDir(), "heartbeats");
  const store = openHeartbeats(dir, keptLog());
  await store.put(heartbeat(), null, T0);
  writeFileSync(join(dir, "lab1.json"), JSON.stringify(readStored(dir, "lab1")));
  await store.put(heartbeat({ sequence: 2, uptime_s: 1060 }), null, T0 + 60_000);
  rmSync(join(dir, "lab1.json.zst"));
  expect(await store.list()).toEqual([]);
  expect(await readLatest(dir, "lab1")).toEqual({ kind: "none" });
});

test("hosts named like files are told apart", async () => {
  const dir = join(tempDir(), "heartbeats");
  const store = openHeartbeats(dir, keptLog());
  for (const host_id of ["lab1", "lab1.json", "lab1.json.zst"]) await store.put(heartbeat({ host_id }), null, T0);
  expect(await hostNames(dir)).toEqual(["lab1", "lab1.json", "lab1.json.zst"]);
  expect(readFileSync(join(dir, "lab1.json.zst")).length).toBeGreaterThan(0);
  expect(readStored(dir, "lab1").heartbeat.host_id).toBe("lab1");
});

test.each([
  ["a pipe", (path: string) => Bun.spawnSync(["mkfifo", path])],
  ["a directory with something in it", (path: string) => mkdirSync(join(path, "x"), { recursive: true })],
  ["a link in a circle", (path: string) => symlinkSync("lab1.json.zst", path)],
  ["a file larger than any of ours", (path: string) => closeSync(sized(path, 17 * 1024 ** 2))],
])("%s in its place is unreadable, keeps nobody waiting, and is replaced by the next heartbeat", async (_, make) => {
  const dir = join(tempDir(), "heartbeats");
  mkdirSync(dir);
  make(join(dir, "lab1.json.zst"));
  mkdirSync(join(dir, "lab1.json/y"), { recursive: true });
  Bun.spawnSync(["mkfifo", join(dir, ".lab1.json.zst.tmp")]);
  expect(await readLatest(dir, "lab1")).toEqual({ kind: "unreadable" });
  const store = openHeartbeats(dir, keptLog());
  expect((await store.list()).map(({ host, heartbeat: known }) => [host, known])).toEqual([["lab1", null]]);
  await store.put(heartbeat(), null, T0);
  expect(readStored(dir, "lab1").heartbeat.host_id).toBe("lab1");
  await store.put(heartbeat({ sequence: 2, uptime_s: 1060 }), null, T0 + 60_000);
  expect(await hostNames(dir)).toEqual(["lab1"]);
});

function sized(path: string, bytes: number): number {
  const fd = openSync(path, "w");
  ftruncateSync(fd, bytes);
  return fd;
}
