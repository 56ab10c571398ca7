// Reports in a run directory that is full: said once with what mends it, and whoever has no report knows why.

import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fullRunDir } from "../../lib/os/files/run-file.ts";
import { readStoring } from "../../lib/receiver/readiness/readiness-watch.ts";
import type { LogMessage } from "../../lib/runtime/log/log.ts";
import { openRunReports } from "../../lib/runtime/run-reports.ts";
import { inText } from "../support/in-text.ts";
import { smallDisk, smallDiskMissing } from "../support/small-disk.ts";
import { tempDir } from "../support/temp-dir.ts";

const AT = Date.parse("2026-05-01T12:00:00Z");

function kept() {
  const lines: string[] = [];
  const at = (level: string) => (message: LogMessage) => void lines.push(`${level}: ${inText(message)}`);
  return { lines, warn: at("warn"), info: at("info") };
}

test.skipIf(smallDiskMissing !== null)("a full run directory is said once, with its remedy, and so is its end", () => {
  using disk = smallDisk(1);
  const log = kept();
  const path = join(disk.path, "status.json");
  const filling = join(disk.path, "filling");
  const write = openRunReports(log);
  expect(write(path, "1")).toBe(true);
  expect(() => writeFileSync(filling, Buffer.alloc(2 * 1024 * 1024))).toThrow("ENOSPC");
  expect([write(path, "2"), write(path, "3")]).toEqual([false, false]);
  const fix = `sudo du -a -k -x ${disk.path} | sort -n | tail -n 20`;
  const what = `the file system at ${disk.path} is full`;
  const full = `${what}; fix: ${fix}`;
  expect(log.lines).toEqual([`warn: cannot write ${path}: ${full}`]);
  expect(readFileSync(path, "utf8")).toBe("1\n");
  expect(inText(fullRunDir(disk.path))).toBe(full);
  // A receiver that runs and has no report, or an old one.
  expect(readStoring(disk.path, AT)).toEqual({ ready: null, why: `the receiver cannot say it: ${what}`, fix });
  rmSync(filling);
  expect([write(path, "4"), readFileSync(path, "utf8"), fullRunDir(disk.path)]).toEqual([true, "4\n", null]);
  expect(log.lines.slice(1)).toEqual([`info: ${path} is written again`]);
  expect(write(path, "5")).toBe(true);
  expect(log.lines).toHaveLength(2);
});

test("a run directory that has gone, or is a file, is said with what makes it again", () => {
  const log = kept();
  const runDir = join(tempDir(), "run");
  const write = openRunReports(log);
  const make = `sudo install -d -o ${Bun.spawnSync(["id", "-un"]).stdout.toString().trim()} ${runDir}`;
  expect(write(join(runDir, "a"), "1")).toBe(false);
  writeFileSync(runDir, "");
  expect(write(join(runDir, "b"), "1")).toBe(false);
  expect(log.lines).toEqual([
    `warn: cannot write ${join(runDir, "a")}: ${runDir} has gone; fix: ${make}`,
    `warn: cannot write ${join(runDir, "b")}: ${runDir} is no directory any more; fix: sudo rm ${runDir} && ${make}`,
  ]);
  // One below a file is not there either.
  expect(write(join(runDir, "below", "a"), "1")).toBe(false);
  expect(log.lines.at(-1)).toContain(`: ${join(runDir, "below")} has gone; fix: `);
  rmSync(runDir);
  mkdirSync(runDir);
  expect([write(join(runDir, "a"), "1"), log.lines.at(-1)]).toEqual([
    true,
    `info: ${join(runDir, "a")} is written again`,
  ]);
});

test.skipIf(smallDiskMissing !== null)("a run directory without inodes is told from one without bytes", () => {
  using disk = smallDisk(1, 3);
  for (const name of ["a", "b"]) writeFileSync(join(disk.path, name), "");
  expect(inText(fullRunDir(disk.path))).toContain("has no inodes left");
});
