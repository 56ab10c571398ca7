// Bytes and inodes: each runs out for itself, and is told for itself.

import { afterEach, expect, test } from "bun:test";
import { fullText, noRoomFor, roomOf, shortOf } from "../../lib/receiver/room.ts";
import { realDisk } from "../../lib/receiver/store/files/disk.ts";
import { bytes, cleanUp, put, startReceiver, type TestOptions } from "./support.ts";

afterEach(cleanUp);

const GIB = 1024 ** 3;

test("what statfs says; a file system that counts no inodes has enough of them", () => {
  expect(roomOf({ bavail: 10, bsize: 4096, files: 100, ffree: 7 })).toEqual({ freeBytes: 40_960, freeInodes: 7 });
  expect(roomOf({ bavail: 10, bsize: 4096, files: 0, ffree: 0 })).toEqual({
    freeBytes: 40_960,
    freeInodes: Number.POSITIVE_INFINITY,
  });
});

const INODES = "255 inodes free, below the reserve of 256: no file can be made, whatever room there is in bytes";

test.each([
  [GIB, 256, null],
  [GIB - 1, 256, "1024.0 MiB free, below the reserve of 1.0 GiB"],
  [GIB / 2, 256, "512.0 MiB free, below the reserve of 1.0 GiB"],
  [100 * GIB, 255, INODES],
  [0, 255, INODES],
])("%i bytes and %i inodes: %p", (freeBytes, freeInodes, short) => {
  expect(shortOf({ freeBytes, freeInodes }, GIB)?.what ?? null).toBe(short);
});

test.each([
  [GIB, 2 * GIB, 256, null],
  [GIB + 1, 2 * GIB, 256, "no room for 1.0 GiB above the reserve of 1.0 GiB"],
  [1, 100 * GIB, 255, INODES],
])("%i bytes more, with %i bytes and %i inodes: %p", (more, freeBytes, freeInodes, why) => {
  expect(noRoomFor(more, { freeBytes, freeInodes }, GIB)).toBe(why);
});

test.each([
  ["ENOSPC", 5, "the disk is full"],
  ["ENOSPC", 0, "the disk has no inodes left"],
  ["EDQUOT", 0, "the quota of the receiver's user is used up"],
])("a write that met %s with %i inodes: %s", (code, freeInodes, text) => {
  expect(fullText(code, { freeBytes: 0, freeInodes })).toBe(text);
});

const failing: TestOptions = {
  disk: { ...realDisk, create: () => Promise.reject(Object.assign(new Error("no space"), { code: "ENOSPC" })) },
};

test("a 507 for want of inodes says so, before the body", async () => {
  const receiver = await startReceiver({ freeInodes: () => 255 });
  const answer = await put(receiver.url, "lab1", "ep1", bytes(100));
  expect([answer.status, await answer.json()]).toMatchObject([507, { reason: "disk-full", detail: INODES }]);
});

test("and when they run out while it is written", async () => {
  let left = 1000;
  const freeInodes = (): number => {
    const now = left;
    left = 0;
    return now;
  };
  const receiver = await startReceiver({ ...failing, freeInodes });
  const answer = await put(receiver.url, "lab1", "ep1", bytes(100));
  expect([answer.status, await answer.json()]).toMatchObject([507, { detail: "the disk has no inodes left" }]);
});
