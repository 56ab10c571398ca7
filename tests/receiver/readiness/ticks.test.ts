import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseTicks, TICK_BYTES, TICKS } from "../../../lib/contract/tick.ts";
import { openTicks } from "../../../lib/receiver/readiness/ticks.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { keptLog } from "../support.ts";

const T0 = Date.UTC(2026, 4, 1, 12);
const read = (path: string) => parseTicks(readFileSync(path, "utf8"));

test("ticks are counted on over restarts, in a file that has its whole size from the start", () => {
  const path = join(tempDir(), "ticks");
  const log = keptLog();
  const first = openTicks(path, log);
  first(true, T0);
  first(false, T0 + 60_000);
  const second = openTicks(path, log);
  second(true, T0 + 120_000);
  expect(read(path).map(({ sequence, wallMs, isReady }) => [sequence, wallMs - T0, isReady])).toEqual([
    [0, 0, true],
    [1, 60_000, false],
    [2, 120_000, true],
  ]);
  expect([statSync(path).size, statSync(path).mode & 0o777]).toEqual([TICK_BYTES * TICKS, 0o640]);
  const [tick] = read(path);
  expect(tick?.boot).toBe(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").replaceAll("-", "").slice(0, 12));
  expect(Math.abs((tick?.uptimeS ?? 0) - Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]))).toBeLessThan(60);
  expect(log.lines).toEqual([]);
});

test("a file of another size is begun anew", () => {
  const path = join(tempDir(), "ticks");
  writeFileSync(path, "torn");
  const ticks = openTicks(path, keptLog());
  ticks(true, T0);
  expect(read(path)).toHaveLength(1);
});

test("what keeps it from being written is said once, and it is tried again", () => {
  const path = join(tempDir(), "ticks");
  mkdirSync(path);
  const log = keptLog();
  const ticks = openTicks(path, log);
  for (let i = 0; i < 3; i++) ticks(true, T0);
  expect(log.lines.map((line) => line.split(":")[0])).toEqual(["warn"]);
  expect(log.lines[0]).toContain(`no ticks are written to ${path}: `);
});

test("nothing is made while the store is not there; once it is back, ticks go on in the file that stands there", () => {
  const dir = tempDir();
  const path = join(dir, "ticks");
  const log = keptLog();
  let isHere = false;
  const tick = openTicks(path, log, () => {
    if (!isHere) throw Object.assign(new Error("ENOENT: the store has gone"), { code: "ENOENT" });
  });
  tick(true, T0);
  expect([existsSync(path), log.lines.length]).toEqual([false, 1]);
  isHere = true;
  tick(true, T0);
  tick(true, T0);
  expect(read(path).map(({ sequence }) => sequence)).toEqual([0, 1]);
  // Another disk, on which ticks had come further.
  const other = openTicks(join(dir, "other"), log);
  for (let i = 0; i < 5; i++) other(true, T0);
  renameSync(join(dir, "other"), path);
  tick(true, T0);
  expect(read(path).at(-1)?.sequence).toBe(5);
});
