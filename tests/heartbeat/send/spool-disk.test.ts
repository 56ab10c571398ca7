// Heartbeats that wait on a disk that takes nothing: full, or read-only, as a worn card becomes. Real file systems.

import { expect, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Spool } from "../../../lib/heartbeat/send/spool.ts";
import { inText } from "../../support/in-text.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { tempDir } from "../../support/temp-dir.ts";

const diskTest = (name: string, body: () => void): void =>
  test.skipIf(smallDiskMissing !== null)(
    smallDiskMissing === null ? name : `${name} (skipped: ${smallDiskMissing})`,
    body,
  );

const beat = (sequence: number, bytes = 5000): string => JSON.stringify({ sequence, text: "x".repeat(bytes) });

function run(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command, { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}

const fill = (path: string): void =>
  void Bun.spawnSync(["sh", "-c", `cat /dev/zero >${path}/full`], { stderr: "ignore" });

diskTest("full: they wait in memory, bounded, and go to the disk as soon as it takes some again", () => {
  using disk = smallDisk(1);
  const spool = new Spool(disk.path, () => 1000);
  spool.keep(1, true, beat(1));
  expect([spool.failure, spool.inMemory]).toEqual([null, 0]);
  fill(disk.path);
  spool.keep(2, false, beat(2));
  expect(inText(spool.failure)).toBe(
    `cannot write ${disk.path}/spool: ENOSPC: heartbeats wait in memory only; fix: make room on its disk`,
  );
  expect([spool.size, spool.inMemory]).toEqual([2, 1]);
  // Nothing half is left behind.
  expect(readdirSync(join(disk.path, "spool"))).toEqual(["000000000001.plain.json"]);
  // In memory they are few: a long outage must not take the host's.
  for (let n = 3; n <= 100; n++) spool.keep(n, true, beat(n));
  expect([spool.size, spool.inMemory, spool.dropped]).toEqual([61, 60, 39]);
  expect(spool.oldest()?.sequence).toBe(1);
  expect(spool.close()).toBe(60);
  rmSync(join(disk.path, "full"));
  spool.nextSequence();
  expect([spool.failure, spool.inMemory]).toEqual([null, 0]);
  const again = new Spool(disk.path, () => 1000);
  expect(again.size).toBe(61);
  // 1 was on the disk, 2 was a change: both have outlived the plain ones.
  const [first = "", second = ""] = readdirSync(join(disk.path, "spool")).sort();
  expect([first, second]).toEqual(["000000000001.plain.json", "000000000002.change.json"]);
});

diskTest("full: a restart finds them in the run directory, and no number is given twice", () => {
  using disk = smallDisk(1);
  const runDir = tempDir();
  const before = new Spool(disk.path, () => 1000, runDir);
  const given = [before.nextSequence()];
  fill(disk.path);
  for (let n = 0; n < 100; n++) given.push(before.nextSequence());
  for (const n of given.slice(-3)) before.keep(n, true, beat(n));
  expect(before.close()).toBe(0);
  const after = new Spool(disk.path, () => 1000, runDir);
  expect([after.size, after.inMemory]).toEqual([3, 3]);
  for (let n = 0; n < 100; n++) given.push(after.nextSequence());
  expect(new Set(given).size).toBe(201);
  // Sent from there, without the disk.
  expect(after.oldest()?.sequence).toBe(99);
  after.done(99);
  rmSync(join(disk.path, "full"));
  after.nextSequence(); // what still waits an interval later goes to the disk
  expect([after.failure, after.size, after.inMemory]).toEqual([null, 2, 0]);
  expect(readdirSync(join(runDir, "spool"))).toEqual([]);
});

diskTest("full, and nothing waits: it is no longer said when there is room again", () => {
  using disk = smallDisk(1);
  const spool = new Spool(disk.path, () => 1000);
  spool.nextSequence();
  fill(disk.path);
  spool.keep(1, true, beat(1));
  spool.done(1);
  spool.nextSequence();
  expect(inText(spool.failure)).toContain("ENOSPC");
  rmSync(join(disk.path, "full"));
  spool.nextSequence();
  expect(spool.failure).toBeNull();
});

diskTest("read-only: the agent opens it, keeps in memory, and writes when it is mounted writable again", () => {
  using disk = smallDisk(1);
  const runDir = tempDir();
  new Spool(disk.path, () => 1000, runDir).keep(7, true, beat(7));
  run("mount", "-o", "remount,ro", disk.path);
  const spool = new Spool(disk.path, () => 1000, runDir);
  const given = [spool.nextSequence(), spool.nextSequence()];
  expect(given).toEqual([8, 9]);
  expect(inText(spool.failure)).toBe(
    `cannot write ${disk.path}/sequence: EROFS: the number of the last heartbeat is kept in memory only; fix: mount its file system writable`,
  );
  spool.keep(8, true, beat(8));
  expect(inText(spool.failure)).toContain(`cannot write ${disk.path}/spool: EROFS: heartbeats wait in memory only`);
  expect([spool.size, spool.inMemory]).toEqual([2, 1]);
  // What lies there can be sent; that it cannot be removed is the receiver's to know.
  expect(spool.oldest()?.sequence).toBe(7);
  spool.done(7);
  const again = new Spool(disk.path, () => 1000, runDir);
  expect([again.size, again.nextSequence()]).toEqual([2, 10]);
  run("mount", "-o", "remount,rw", disk.path);
  again.nextSequence();
  expect([again.failure, again.inMemory]).toEqual([null, 0]);
});

diskTest("read-only from the very start: there is no spool yet, and none is needed", () => {
  using disk = smallDisk(1);
  run("mount", "-o", "remount,ro", disk.path);
  const spool = new Spool(disk.path, () => 1000);
  spool.keep(1, true, beat(1));
  expect([spool.size, spool.oldest()?.sequence]).toEqual([1, 1]);
  expect(inText(spool.failure)).toContain("EROFS");
  run("mount", "-o", "remount,rw", disk.path);
  spool.nextSequence();
  expect(readdirSync(join(disk.path, "spool"))).toEqual(["000000000001.plain.json"]);
});
