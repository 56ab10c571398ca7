// The processes of fixture hosts and of this machine.

import { describe, expect, onTestFinished, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseCgroup } from "../../../lib/core/linux/cgroup.ts";
import { isUnreadable } from "../../../lib/core/reading.ts";
import { readCgroup, readProcessTable, readStatus, readUserNames } from "../../../lib/os/process/process-table.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOSTS = join(import.meta.dir, "../../fixtures/hosts");
const OVERLOADED = join(HOSTS, "overloaded");
const HYBRID = join(HOSTS, "hybrid");
const never = (): boolean => false;

function tableOf(root: string, isLate = never) {
  const table = readProcessTable(root, isLate);
  if (isUnreadable(table)) throw new Error(table.unreadable);
  return table;
}

describe("the processes of a host", () => {
  test("are those of /proc; one that ended and one whose text is torn are counted", () => {
    const { processes, ...rest } = tableOf(OVERLOADED);
    const pids = processes.map(({ pid }) => pid).sort((a, b) => a - b);
    expect(pids).toEqual([1, 2, 4242, 4243, 4260, 4300, 5001, 5002, 5003, 5004, 5005]);
    expect(rest).toEqual({ unread: 2, sees: "all", cutShort: false });
  });

  test("without process 1 are our own user's alone", () => expect(tableOf(HYBRID).sees).toBe("own"));

  test("are read until time is up", () => {
    let asked = 0;
    const table = tableOf(OVERLOADED, () => ++asked > 3);
    expect([table.processes.length + table.unread, table.cutShort]).toEqual([3, true]);
  });

  test("are unreadable where there is no /proc", () =>
    expect(readProcessTable(tempDir(), never)).toEqual({ unreadable: "ENOENT" }));

  test("of this machine are seen with their parent, user and memory", () => {
    const child = Bun.spawn(["sleep", "60"]);
    onTestFinished(() => child.kill("SIGKILL"));
    const { processes } = tableOf("/");
    const own = processes.find(({ pid }) => pid === process.pid);
    expect(own?.ppid).toBe(process.ppid);
    expect(own?.cpuS).toBeGreaterThan(0);
    expect(processes.find(({ pid }) => pid === child.pid)?.ppid).toBe(process.pid);
    const status = readStatus("/", process.pid);
    if (isUnreadable(status)) throw new Error(status.unreadable);
    expect(status.uid).toBe(process.geteuid?.() ?? -1);
    expect(status.residentBytes).toBeGreaterThan(1_000_000);
    expect(readUserNames("/").get(0)).toBe("root");
  });

  test("whose passwd is missing have no names", () => expect(readUserNames(HYBRID).size).toBe(0));
});

describe("a cgroup", () => {
  const SHIPPER = "/system.slice/labfleet-shipper.service";
  const RECEIVER = "/system.slice/labfleet-receiver.service";

  test("has its own processes and those of the groups below; a stranger's 0 is none", () =>
    expect(readCgroup(OVERLOADED, SHIPPER)).toEqual({
      directory: `sys/fs/cgroup${SHIPPER}`,
      pids: [4242, 4243, 4300, 4999, 4260],
    }));

  test("of a hybrid host lies under unified/", () =>
    expect(readCgroup(HYBRID, RECEIVER)).toEqual({
      directory: `sys/fs/cgroup/unified${RECEIVER}`,
      pids: [210, 211],
    }));

  for (const [path, why] of [
    [RECEIVER, "ENOENT"],
    ["/../../etc", "not a path of this cgroup tree"],
    ["relative", "not a path of this cgroup tree"],
    ["", "not a path of this cgroup tree"],
  ] as const) {
    test(`named ${JSON.stringify(path)} is unreadable: ${why}`, () =>
      expect(readCgroup(OVERLOADED, path)).toEqual({ unreadable: why }));
  }

  test("that refuses to be read says why, though other trees do not have it", () => {
    const root = tempDir();
    mkdirSync(join(root, "sys/fs/cgroup/x/cgroup.procs"), { recursive: true });
    expect(readCgroup(root, "/x")).toEqual({ unreadable: "EISDIR" });
  });

  test("with more groups below than are looked into ends", () => {
    const root = tempDir();
    for (let group = 0; group < 210; group++) {
      mkdirSync(join(root, `sys/fs/cgroup/x/g${group}`), { recursive: true });
      writeFileSync(join(root, `sys/fs/cgroup/x/g${group}/cgroup.procs`), `${group + 1}\n`);
    }
    writeFileSync(join(root, "sys/fs/cgroup/x/cgroup.procs"), "");
    const found = readCgroup(root, "/x");
    expect(isUnreadable(found) ? found : found.pids.length).toBe(200);
  }, 180_000); // many small files: a busy disk takes its time

  const own = parseCgroup(readFileSync("/proc/self/cgroup", "utf8"))?.path ?? null;
  const isThere = own !== null && ["", "/unified"].some((t) => existsSync(`/sys/fs/cgroup${t}${own}/cgroup.procs`));
  test.skipIf(!isThere)(
    isThere ? "of this machine holds this process" : "of this machine (skipped: no cgroup version 2 here)",
    () => {
      const found = readCgroup("/", own ?? "");
      expect(isUnreadable(found) ? found : found.pids).toContain(process.pid);
    },
  );
});
