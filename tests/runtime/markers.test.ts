// Markers: whom they name, by number and by start time; never an error, never a wrong "that is me".

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseMarker, readMarker, removeMarkers, targetOf, writeMarker } from "../../lib/runtime/markers.ts";
import { tempDir } from "../support/temp-dir.ts";

describe("whom a marker names", () => {
  for (const [what, marker, pid, ticks, names] of [
    ["our pid and start", { target_pid: 12, target_start_ticks: 500 }, 12, 500, "self"],
    ["our pid, start not given", { target_pid: 12 }, 12, 500, "self"],
    ["a pid that begins like ours", { target_pid: 1 }, 12, 500, "other"],
    ["another that lives", { target_pid: 13, target_start_ticks: 700 }, 12, 700, "other"],
    ["a process that is gone", { target_pid: 13, target_start_ticks: 700 }, 12, null, "stale"],
    ["our pid, of an earlier process", { target_pid: 12, target_start_ticks: 400 }, 12, 500, "stale"],
  ] as const) {
    test(`${what}: ${names}`, () => expect(targetOf(marker, pid, ticks)).toBe(names));
  }
});

describe("a marker's text", () => {
  for (const [text, marker] of [
    ['{"target_pid": 12, "by": "autoupdate", "reason": "r"}', { target_pid: 12, by: "autoupdate", reason: "r" }],
    ['{"target_pid": 12, "more": "of it", "by": 7}', { target_pid: 12 }],
    ['{"target_pid": "12"}', null],
    ['{"target_pid": 1.5}', null],
    ["'target_pid': 12", null],
    ["[]", null],
    ["null", null],
    ["", null],
  ] as const) {
    test(`${text === "" ? "nothing" : text}`, () => expect(parseMarker(text)).toEqual(marker));
  }

  test("a text that is too long is cut", () => {
    expect(parseMarker(JSON.stringify({ target_pid: 1, reason: "x".repeat(9000) }))?.reason).toHaveLength(198);
  });
});

test("a marker for this process is found as ours, with its start time, and removed by us", () => {
  const dir = tempDir();
  writeMarker(dir, "planned-stop", { target_pid: process.pid, by: "operator", reason: "new disk" });
  expect(readMarker(dir, "planned-stop", process.pid)).toMatchObject({
    names: "self",
    marker: { by: "operator", reason: "new disk", target_start_ticks: expect.any(Number) },
  });
  expect(readMarker(dir, "takeover", process.pid)).toBeNull();
  removeMarkers(dir, process.pid);
  expect(readdirSync(dir)).toEqual([]);
});

test("a marker for another process that lives stays; what is stale or no marker goes", () => {
  const dir = tempDir();
  writeMarker(dir, "takeover", { target_pid: process.ppid, replacer_pid: process.pid });
  writeFileSync(join(dir, "planned-stop.json"), "{");
  expect(readMarker(dir, "planned-stop", process.pid)).toEqual({ unreadable: "no JSON with a target_pid" });
  removeMarkers(dir, process.pid);
  expect(readdirSync(dir)).toEqual(["takeover.json"]);
  expect(JSON.parse(readFileSync(join(dir, "takeover.json"), "utf8"))).toMatchObject({ target_pid: process.ppid });
});

test("a run directory that cannot be used is no error", () => {
  const dir = tempDir();
  mkdirSync(join(dir, "takeover.json"));
  expect(readMarker(dir, "takeover", 1)).toEqual({ unreadable: "no regular file" });
  removeMarkers(dir, 1);
  expect(readMarker(join(dir, "none"), "takeover", 1)).toBeNull();
});

test("a pipe or a link of a marker's name holds nobody up, and nothing is written through it", () => {
  const dir = tempDir();
  const victim = join(tempDir(), "victim");
  writeFileSync(victim, "untouched");
  expect(Bun.spawnSync(["mkfifo", join(dir, "planned-stop.json")]).exitCode).toBe(0);
  symlinkSync(victim, join(dir, "takeover.json"));
  symlinkSync(victim, join(dir, `.takeover.json.${process.pid}.tmp`));
  expect(readMarker(dir, "planned-stop", process.pid)).toEqual({ unreadable: "no regular file" });
  expect(readMarker(dir, "takeover", process.pid)).toEqual({ unreadable: "ELOOP" });
  writeMarker(dir, "takeover", { target_pid: process.pid });
  writeMarker(dir, "planned-stop", { target_pid: process.pid });
  expect(readFileSync(victim, "utf8")).toBe("untouched");
  expect(readMarker(dir, "takeover", process.pid)).toMatchObject({ names: "self" });
});
