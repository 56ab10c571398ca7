// The cgroup of a check, where this machine lets us make one: what left the check's session is in it, and ends with it.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CheckCgroup, openCheckCgroups } from "../../../lib/heartbeat/checks/cgroup.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { CHECKS, check, endWithTest, isGone, sh, text, until } from "./process-support.ts";

const cgroups = openCheckCgroups("/");
const missing = "unavailable" in cgroups ? cgroups.unavailable : null;
const make = (): CheckCgroup => {
  const made = "make" in cgroups ? cgroups.make() : null;
  if (made === null) throw new Error("no cgroup");
  return made;
};
const cgroupTest = (name: string, body: () => Promise<void>): void =>
  test.skipIf(missing !== null)(missing === null ? name : `${name} (skipped: ${missing})`, body);

describe("a check in a cgroup of its own", () => {
  for (const where of ["group", "job", "session", "daemon"]) {
    cgroupTest(`X10 what it leaves in a ${where} is killed and counted, and the cgroup is gone`, async () => {
      const cgroup = make();
      const done = await check([join(CHECKS, "lingers.py"), where], { cgroup });
      const pid = Number(text(done.stdout).split(" ")[1]);
      endWithTest(pid);
      expect(done).toMatchObject({ kind: "exited", code: 0, contained: true, survivorsKilled: 1, survivorsLeft: 0 });
      await until(() => isGone(pid));
      expect(existsSync(cgroup.directory)).toBe(false);
    });
  }

  cgroupTest("X11 a daemon of one that times out is killed with it", async () => {
    const script = "setsid sleep 300 >/dev/null 2>&1 & echo $!; trap '' TERM; while :; do sleep 1; done";
    const done = await sh(script, { cgroup: make(), timeoutMs: 500, graceMs: 50 });
    expect(done).toMatchObject({ kind: "timed_out", signal: 9, contained: true, survivorsLeft: 0 });
    const pid = Number(text(done.stdout));
    if (pid > 1) await until(() => isGone(pid));
  });

  cgroupTest("leaves nothing behind when the check cannot start, or made cgroups below its own", async () => {
    const unused = make();
    expect(await check(["/nonexistent"], { cgroup: unused })).toMatchObject({ kind: "not_found", contained: false });
    expect(existsSync(unused.directory)).toBe(false);
    const nested = make();
    const done = await sh(`mkdir -p ${nested.directory}/a/b`, { cgroup: nested });
    expect(done).toMatchObject({ kind: "exited", code: 0, survivorsLeft: 0 });
    expect(existsSync(nested.directory)).toBe(false);
  });

  cgroupTest("runs without it when it cannot be joined", async () => {
    const cgroup = make();
    cgroup.remove();
    expect(await sh("exit 3", { cgroup })).toMatchObject({ kind: "exited", code: 3, contained: false });
  });

  cgroupTest("that a killed run left is removed at the next start, and nobody else's is", async () => {
    const mine = make();
    const ours = dirname(mine.directory);
    expect(mine.remove()).toBe(true);
    const dead = Bun.spawn(["true"]);
    await dead.exited;
    mkdirSync(join(ours, `check-${dead.pid}-7`));
    mkdirSync(join(ours, `check-${process.ppid}-7`));
    openCheckCgroups("/");
    const left = readdirSync(ours).filter((name) => name.startsWith("check-") && name.endsWith("-7"));
    for (const name of left) rmdirSync(join(ours, name));
    expect(left).toEqual([`check-${process.ppid}-7`]);
  });
});

describe("where there is none it is said why:", () => {
  test("no version 2, a tree that is not ours", () => {
    const root = tempDir();
    expect(openCheckCgroups(root)).toEqual({ unavailable: "this host has no cgroup version 2" });
    mkdirSync(join(root, "proc/self"), { recursive: true });
    writeFileSync(join(root, "proc/self/cgroup"), "0::/system.slice/x.service\n");
    expect(openCheckCgroups(root)).toEqual({
      unavailable: "cgroup version 2 is not mounted, or does not show /system.slice/x.service",
    });
  });

  test("a kernel without cgroup.kill", () => {
    const root = tempDir();
    mkdirSync(join(root, "proc/self"), { recursive: true });
    writeFileSync(join(root, "proc/self/cgroup"), "0::/x.service\n");
    mkdirSync(join(root, "sys/fs/cgroup/unified/x.service"), { recursive: true });
    writeFileSync(join(root, "sys/fs/cgroup/unified/x.service/cgroup.procs"), `1\n${process.pid}\n`);
    expect(openCheckCgroups(root)).toEqual({ unavailable: "the kernel is older than 5.14 and has no cgroup.kill" });
    expect(readdirSync(join(root, "sys/fs/cgroup/unified/x.service"))).toEqual(["cgroup.procs"]);
  });
});
