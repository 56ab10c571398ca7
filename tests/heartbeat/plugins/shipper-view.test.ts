// Whether the shipper runs, by its process, its report and a clock that never jumps.

import { describe, expect, test } from "bun:test";
import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readShipper, stateOf } from "../../../lib/heartbeat/plugins/shipper-view.ts";
import { readUptimeS } from "../../../lib/os/uptime.ts";
import { inText } from "../../support/in-text.ts";
import { IDLE_SHIPPER } from "../../support/shipper-status.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { tempDir } from "../../support/temp-dir.ts";

const RUNS = { isAlive: true, startedS: 100, isAnswering: true, isOther: false, lastSignS: 1, uptimeS: 5000 };

describe("a shipper", () => {
  test.each<[string, Partial<typeof RUNS> | Record<string, unknown>, string]>([
    ["that answers runs", {}, "running"],
    ["that does not answer is silent", { isAnswering: false }, "silent"],
    ["that has never reported is silent", { isAnswering: null, lastSignS: null }, "silent"],
    ["of another release runs: nobody knows more", { isAnswering: null, isOther: true }, "running"],
    ["that began 59 s ago is starting", { startedS: 4941, isAnswering: null }, "starting"],
    ["that began 59 s ago is starting, whatever it says", { startedS: 4941 }, "starting"],
    ["that began a minute ago must answer", { startedS: 4940, isAnswering: null }, "silent"],
    ["that began nobody knows when must answer", { startedS: null, isAnswering: false }, "silent"],
    ["that is not there does not run", { isAlive: false, startedS: null, lastSignS: null }, "stopped"],
    ["that went 59 s ago may be coming back", { isAlive: false, startedS: null, lastSignS: 59 }, "starting"],
    ["that went a minute ago does not run", { isAlive: false, startedS: null, lastSignS: 60 }, "stopped"],
    [
      "whose last sign is of the future is not waited for",
      { isAlive: false, startedS: null, lastSignS: -1 },
      "stopped",
    ],
    [
      "that is not there in the first minute may come",
      { isAlive: false, startedS: null, lastSignS: null, uptimeS: 59 },
      "starting",
    ],
    [
      "that is not there a minute after the boot",
      { isAlive: false, startedS: null, lastSignS: null, uptimeS: 60 },
      "stopped",
    ],
  ])("%s", (_, signs, state) => {
    expect(stateOf({ ...RUNS, ...signs })).toBe(state as ReturnType<typeof stateOf>);
  });
});

const ID = "1".repeat(32);

function places(report: string | null) {
  const runDir = tempDir();
  if (report !== null) writeFileSync(join(runDir, "status.json"), report);
  return { dataRoot: tempDir(), runDir };
}
const mine = (over: object = {}): string =>
  JSON.stringify({ ...IDLE_SHIPPER, pid: process.pid, receiver_id: ID, ...over });
// Long after this process began.
const later = { wallMs: Date.now() + 3_600_000, uptimeS: readUptimeS() + 3600 };

describe("its report", () => {
  test("is that of the process that runs, with its age by CLOCK_BOOTTIME", () => {
    const seen = readShipper(places(mine({ uptime_s: later.uptimeS - 25 })), later);
    expect(seen).toMatchObject({ state: "running", pid: process.pid, ageS: 25, problem: null });
    expect(seen.live?.pending).toBe(0);
  });
  test.each([
    [60, "running"],
    [61, "silent"],
  ] as const)("of three intervals of 20 s may be %d s old: %s", (ageS, state) => {
    expect(readShipper(places(mine({ uptime_s: later.uptimeS - ageS })), later)).toMatchObject({ state, ageS });
  });
  test.skipIf(smallDiskMissing !== null)("that is old because its directory is full is no silence, and is said", () => {
    using disk = smallDisk(1);
    writeFileSync(join(disk.path, "status.json"), mine({ uptime_s: later.uptimeS - 61 }));
    expect(() => writeFileSync(join(disk.path, "filling"), Buffer.alloc(2 * 1024 * 1024))).toThrow("ENOSPC");
    const full = `the file system at ${disk.path} is full; fix: sudo du -a -k -x ${disk.path} | sort -n | tail -n 20`;
    const seen = readShipper({ dataRoot: tempDir(), runDir: disk.path }, later);
    const problem = inText(seen.problem);
    expect({ ...seen, problem }).toMatchObject({ state: "running", ageS: 61, problem: `it cannot report: ${full}` });
  });
  test("of a process that is gone, or is no shipper, says nothing", () => {
    for (const pid of [1, 2 ** 22]) {
      const seen = readShipper(places(mine({ pid, paused: null })), later);
      expect(seen).toMatchObject({ state: "stopped", pid: null, live: null, ageS: null });
    }
  });
  test("that a stop has just replaced is waited for, for a minute of the wall clock", () => {
    const stopped = places("null\n");
    const at = (afterS: number) => ({ ...later, wallMs: 1_800_000_000_000 + afterS * 1000 });
    utimesSync(join(stopped.runDir, "status.json"), 1_800_000_000, 1_800_000_000);
    expect([readShipper(stopped, at(59)).state, readShipper(stopped, at(61)).state]).toEqual(["starting", "stopped"]);
    expect(readShipper(stopped, at(59)).problem).toBeNull();
  });
  test.each([
    ["torn", "{"],
    ["a list", "[7]"],
    ["of an older release", mine({ waiting_list: undefined })],
    ["with a time that is none", mine({ held: { count: 1, reason: "r", since: "yesterday" } })],
    ["with an id that is none", mine({ receiver_id: "x" })],
  ])("that is %s says nothing, and that is said of one that runs", (_, text) => {
    const given = places(text);
    expect(readShipper(given, later)).toMatchObject({ state: "stopped", live: null, problem: null });
    writeFileSync(join(given.runDir, "pid"), `${process.pid}\n`);
    expect(readShipper(given, later)).toMatchObject({
      state: "running",
      live: null,
      problem: { what: `${given.runDir}/status.json is of another release`, fix: null },
    });
  });
  test("that is a pipe holds nobody up", () => {
    const piped = places(null);
    expect(Bun.spawnSync(["mkfifo", join(piped.runDir, "status.json")]).exitCode).toBe(0);
    expect(readShipper(piped, later)).toMatchObject({ state: "stopped", live: null });
  });
});
