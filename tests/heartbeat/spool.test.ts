// Heartbeats that wait: over restarts, on a disk that takes nothing, and never more than allowed.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Spool } from "../../lib/heartbeat/spool.ts";
import { smallDisk, smallDiskMissing } from "../support/small-disk.ts";
import { tempDir } from "../support/temp-dir.ts";

const beat = (sequence: number): string => JSON.stringify({ sequence });

test("is sent oldest first, and outlives a restart with its sequence", () => {
  const dir = tempDir();
  const spool = new Spool(dir, 10);
  const numbers = [spool.nextSequence(), spool.nextSequence(), spool.nextSequence()];
  expect(numbers).toEqual([1, 2, 3]);
  for (const n of [1, 2, 3]) spool.keep(n, true, beat(n));
  spool.done(1);
  const again = new Spool(dir, 10);
  expect(again.size).toBe(2);
  expect(again.oldest()).toEqual({ sequence: 2, text: beat(2) });
  expect(again.nextSequence()).toBe(4);
  again.done(2);
  again.done(3);
  expect(again.oldest()).toBeNull();
  expect(readdirSync(join(dir, "spool"))).toEqual([]);
});

test("keeps no more than allowed: those without news go first, and what remains says so after a restart", () => {
  const dir = tempDir();
  const spool = new Spool(dir, 3);
  for (let n = 1; n <= 6; n++) spool.keep(n, n !== 2, beat(n));
  expect([spool.size, spool.dropped]).toEqual([3, 3]);
  expect(readdirSync(join(dir, "spool")).sort()).toEqual([
    "000000000002.change.json",
    "000000000005.plain.json",
    "000000000006.plain.json",
  ]);
  expect(new Spool(dir, 3).oldest()?.sequence).toBe(2);
});

test("a heartbeat that a power cut has torn is dropped, the others are not", () => {
  const dir = tempDir();
  const spool = new Spool(dir, 10);
  for (const n of [1, 2]) spool.keep(n, false, beat(n));
  truncateSync(join(dir, "spool/000000000001.change.json"), 5);
  expect(new Spool(dir, 10).oldest()?.sequence).toBe(2);
  rmSync(join(dir, "spool/000000000002.change.json"));
  expect(spool.oldest()).toBeNull();
});

test("a sequence that is lost goes on after what waits", () => {
  const dir = tempDir();
  new Spool(dir, 10).keep(41, false, beat(41));
  writeFileSync(join(dir, "sequence"), "");
  expect(new Spool(dir, 10).nextSequence()).toBe(42);
  expect(readFileSync(join(dir, "sequence"), "utf8")).toBe("42\n");
});

test.skipIf(smallDiskMissing !== null)(
  `on a disk that is full heartbeats wait in memory, and go on to the disk when it takes some again${smallDiskMissing === null ? "" : ` (skipped: ${smallDiskMissing})`}`,
  () => {
    using disk = smallDisk(1);
    const spool = new Spool(disk.path, 1000);
    spool.keep(1, true, beat(1));
    expect(spool.failure).toBeNull();
    Bun.spawnSync(["sh", "-c", `cat /dev/zero >${disk.path}/full`], { stderr: "ignore" });
    const large = JSON.stringify({ sequence: 2, text: "x".repeat(5000) });
    spool.keep(2, true, large);
    expect(spool.failure).toContain("ENOSPC");
    expect(spool.size).toBe(2);
    // In memory they are few: the rest would be lost with the process anyway.
    for (let n = 3; n <= 100; n++) spool.keep(n, true, large);
    expect(spool.size).toBe(61);
    expect(spool.oldest()?.sequence).toBe(1);
    rmSync(join(disk.path, "full"));
    spool.keep(101, false, beat(101));
    expect(spool.failure).toBeNull();
    expect(new Spool(disk.path, 1000).size).toBe(2);
  },
);
