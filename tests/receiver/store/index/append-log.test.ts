// The file of lines under the index and the journal: what a failed append leaves, and what many at once do.

import { afterEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  closeSync,
  constants,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { openAppendLog } from "../../../../lib/receiver/store/index/append-log.ts";
import { ext4Disk, ext4DiskMissing, smallDisk, smallDiskMissing } from "../../../support/small-disk.ts";
import { cleanUp, tempDir } from "../../support.ts";

afterEach(cleanUp);

const MIB = 1024 * 1024;
const LARGE = "x".repeat(MIB);

/** Takes all room, each block on the disk before the next: what a file system has only promised it may find room for later. */
function fill(path: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_SYNC);
  try {
    for (const bytes of [MIB / 4, 4096]) expect(() => fillBy(fd, Buffer.alloc(bytes))).toThrow("ENOSPC");
  } finally {
    closeSync(fd);
  }
}

function fillBy(fd: number, block: Buffer): never {
  for (;;) writeSync(fd, block);
}

/** A log with one line on a disk with room for half of LARGE; `free` makes more. */
async function onFullDisk(directory: string) {
  const path = join(directory, "log");
  writeFileSync(path, "first\n");
  writeFileSync(join(directory, "spare"), Buffer.alloc(MIB / 2), { flush: true });
  const free = (name: string): void => rmSync(join(directory, name));
  fill(join(directory, "filling"));
  const log = await openAppendLog(path, "test");
  free("spare");
  return { log, path, free, text: () => readFileSync(path, "utf8") };
}

describe("an append that the disk has no room for", () => {
  test.skipIf(smallDiskMissing !== null)("leaves no trace, and the next one stands in its place", async () => {
    using disk = smallDisk(4);
    const { log, free, text } = await onFullDisk(disk.path);
    // The first goes alone, those that come meanwhile go together.
    const all = await Promise.allSettled(["alone", LARGE, "beside it"].map((line) => log.append(line)));
    expect(all).toMatchObject([{ status: "fulfilled", value: 6 }, { status: "rejected" }, { status: "rejected" }]);
    expect(await log.append(LARGE).catch((error: unknown) => error)).toMatchObject({ code: "ENOSPC" });
    expect(text()).toBe("first\nalone\n");
    expect(log.size).toBe(12);
    free("filling");
    expect(await log.append("second")).toBe(12);
    expect(text()).toBe("first\nalone\nsecond\n");
    expect(log.changed()).toBeNull();
    await log.close();
  });

  test.skipIf(ext4DiskMissing !== null)("and cannot be cut away either: the next one does it first", async () => {
    using disk = ext4Disk(8);
    const { log, path, free, text } = await onFullDisk(disk.path);
    // It can be written, and not be made shorter (chattr(1)).
    Bun.spawnSync(["chattr", "+a", path]);
    expect(await log.append(LARGE).catch((error: unknown) => error)).toMatchObject({ code: "ENOSPC" });
    expect(text()).toStartWith("first\nxxx");
    expect(log.changed()).toBeNull();
    expect(await log.append("refused").catch((error: unknown) => error)).toMatchObject({ code: "EPERM" });
    Bun.spawnSync(["chattr", "-a", path]);
    free("filling");
    expect(await log.append("second")).toBe(6);
    expect(text()).toBe("first\nsecond\n");
    expect(log.changed()).toBeNull();
    await log.close();
  });
});

test("concurrent appends keep their order, each at the offset that it was told", async () => {
  const path = join(tempDir(), "log");
  appendFileSync(path, "first\n");
  const log = await openAppendLog(path, "test");
  const offsets = await Promise.all(Array.from({ length: 500 }, (_, i) => log.append(`line ${i}`)));
  const text = readFileSync(path, "utf8");
  for (const [i, offset] of offsets.entries())
    expect(text.slice(offset, offset + 8)).toStartWith(`line ${i}`.slice(0, 8));
  expect(text.split("\n")).toHaveLength(502);
  await log.close();
});

test("appending, and cutting to nothing, are never taken for another program's work", async () => {
  const log = await openAppendLog(join(tempDir(), "log"), "test");
  let isOver = false;
  const seen = new Set<string | null>();
  const looking = (async () => {
    for (; !isOver; await new Promise(setImmediate)) seen.add(log.changed());
  })();
  for (let round = 0; round < 50; round++) {
    await Promise.all(Array.from({ length: 20 }, (_, i) => log.append(`line ${i}`)));
    await log.clear();
  }
  isOver = true;
  await looking;
  expect([...seen]).toEqual([null]);
  await log.close();
});
