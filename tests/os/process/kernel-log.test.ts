// The kernel's log: records as /dev/kmsg gives them, and the real device.

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isUnreadable } from "../../../lib/core/reading.ts";
import { parseKernelRecord, readKernelLog } from "../../../lib/os/process/kernel-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

const never = (): boolean => false;

function hostWith(kmsg: string): string {
  const root = tempDir();
  mkdirSync(join(root, "dev"));
  writeFileSync(join(root, "dev/kmsg"), kmsg);
  return root;
}

describe("a record", () => {
  for (const [line, found] of [
    ["6,339,5140900,-;NET: Registered", { seconds: 5.1409, text: "NET: Registered" }],
    ["3,340,690716,c,caller=T1;a;b", { seconds: 0.690716, text: "a;b" }],
    ["7,1,0,-;", { seconds: 0, text: "" }],
    ["8,1,0,-;facility 1: a program", null],
    ["30,341,5140900,-;Out of memory: said a program", null],
    [" SUBSYSTEM=acpi", null],
    ["", null],
    ["6,339;too few fields", null],
    ["x,339,1,-;no number", null],
  ] as const) {
    test(`${JSON.stringify(line)} is ${found === null ? "no line of the kernel's" : JSON.stringify(found)}`, () =>
      expect(parseKernelRecord(line)).toEqual(found));
  }
});

describe("the kernel's log", () => {
  test("gives the last lines that match, oldest first, across the blocks in which it is read", () => {
    const lines = Array.from(
      { length: 500 },
      (_, i) => `6,${i},${i}000000,-;${i % 2 === 0 ? "oom" : "fine"} ${i} ${"x".repeat(60)}\n`,
    );
    const log = readKernelLog(hostWith(lines.join("")), /oom/, 3, never);
    if (isUnreadable(log)) throw new Error(log.unreadable);
    expect(log.lines.map(({ seconds, text }) => `${seconds} ${text.slice(0, 8)}`)).toEqual([
      "494 oom 494 ",
      "496 oom 496 ",
      "498 oom 498 ",
    ]);
    expect(log.cutShort).toBe(false);
    const all = readKernelLog(hostWith(lines.join("")), /oom/, 1000, never);
    expect(isUnreadable(all) ? all : all.lines.map(({ seconds }) => seconds)).toEqual(
      Array.from({ length: 250 }, (_, index) => 2 * index),
    );
  });

  test("is read until time is up", () =>
    expect(readKernelLog(hostWith("6,1,1,-;oom\n"), /oom/, 9, () => true)).toEqual({ lines: [], cutShort: true }));

  test("that is not there is unreadable", () =>
    expect(readKernelLog(tempDir(), /x/, 1, never)).toEqual({ unreadable: "ENOENT" }));

  test("that cannot be read is unreadable", () => {
    const root = tempDir();
    mkdirSync(join(root, "dev/kmsg"), { recursive: true });
    expect(readKernelLog(root, /x/, 1, never)).toEqual({ unreadable: "EISDIR" });
  });

  test("of this machine is read without waiting for more, or says why not", () => {
    const log = readKernelLog("/", /(?:)/, 5, never);
    if (isUnreadable(log)) expect(["ENOENT", "EPERM", "EACCES"]).toContain(log.unreadable);
    else expect(log.lines.length).toBe(5);
  });
});
