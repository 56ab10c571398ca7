// What the kernel writes about a process, and what a process can do to confuse a reader: choose its name.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  cpuPercent,
  type ProcessStat,
  parseMeminfo,
  parsePasswd,
  parseStat,
  parseStatus,
  processForest,
} from "../../../lib/core/linux/process-text.ts";

const after = (name: string): string => `4242 (${name}) S 17 1 1 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 3 0 12345 99 7\n`;

describe("/proc/<pid>/stat", () => {
  for (const name of ["shipper", "", "a b", ") R 1 (", "((", "))", "x\n4243 (y) R", "kworker/u8:2-events_unbound"]) {
    test(`names its process ${JSON.stringify(name)}`, () =>
      expect(parseStat(after(name))).toEqual({ pid: 4242, name, state: "S", ppid: 17, cpuS: 3, startedS: 123.45 }));
  }

  for (const text of ["", "4242", "4242 (x", "4242 (x) S", "4242 (x) S 17 1", ") 4242 (", after("x").slice(0, 60)]) {
    test(`cut off as ${JSON.stringify(text)} is nothing`, () => expect(parseStat(text)).toBeNull());
  }
});

test("CPU is a share of the process's own life, as ps counts it", () => {
  const stat = { pid: 1, name: "x", state: "R", ppid: 0, cpuS: 30, startedS: 940 };
  expect([cpuPercent(stat, 1000), cpuPercent(stat, 955), cpuPercent(stat, 940), cpuPercent(stat, 0)]).toEqual([
    50, 200, 0, 0,
  ]);
});

describe("/proc/<pid>/status", () => {
  test("gives the effective user and the memory in RAM", () => {
    const text = "Name:\tUid:\\t0\t0\t0\t0\nUid:\t1000\t33\t1000\t33\nVmHWM:\t  900 kB\nVmRSS:\t  1600 kB\n";
    expect(parseStatus(text)).toEqual({ uid: 33, residentBytes: 1_638_400 });
  });
  test("of a kernel thread has no memory", () =>
    expect(parseStatus("Name:\tkthreadd\nUid:\t0\t0\t0\t0\n")).toEqual({ uid: 0, residentBytes: 0 }));
  test("without a user is nothing", () => expect(parseStatus("Name:\tx\n")).toBeNull());
});

test("passwd names users by number; the first name of a number counts, odd lines do not", () => {
  const text =
    "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n+nis::::::\n:x:5:5::/:\nx:x:1e3:1::/:\nlab:x:997:997::/:\n";
  expect([...parsePasswd(text)]).toEqual([
    [0, "root"],
    [997, "lab"],
  ]);
});

test("meminfo is read in bytes; lines without kB are none of memory", () => {
  expect([...parseMeminfo("MemTotal:        8000 kB\nHugePages_Total:       3\nSwapFree: 0 kB\n")]).toEqual([
    ["MemTotal", 8_192_000],
    ["SwapFree", 0],
  ]);
});

describe("a forest of processes", () => {
  const process = (pid: number, ppid: number): ProcessStat => ({
    pid,
    ppid,
    name: "",
    state: "S",
    cpuS: 0,
    startedS: 0,
  });
  const shape = (pairs: [number, number][]): string =>
    processForest(pairs.map(([pid, ppid]) => process(pid, ppid)))
      .map((row) => `${" ".repeat(row.depth)}${row.stat.pid}`)
      .join("\n");

  test("has children below their parent, each level by pid, whatever the order given", () =>
    expect(
      shape([
        [30, 10],
        [5, 30],
        [10, 1],
        [20, 10],
        [40, 99],
      ]),
    ).toBe("10\n 20\n 30\n  5\n40"));

  test("shows a ring of parents, and its own parent, once", () =>
    expect(
      shape([
        [3, 2],
        [2, 3],
        [7, 7],
      ]),
    ).toBe("2\n 3\n7"));

  test("holds every process exactly once, each child one below a parent that stands above it", () => {
    const pairs = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 30 })));
    fc.assert(
      fc.property(pairs, (given) => {
        const rows = processForest(given.map(([pid, ppid]) => process(pid, ppid)));
        const pids = rows.map((row) => row.stat.pid);
        expect(pids.toSorted((a, b) => a - b)).toEqual([...new Set(given.map(([pid]) => pid))].sort((a, b) => a - b));
        for (const [index, { depth, stat: child }] of rows.entries()) {
          const above = rows.slice(0, index).findLast((row) => row.depth === depth - 1);
          if (depth > 0) expect(above?.stat.pid).toBe(child.ppid);
        }
      }),
    );
  });
});
