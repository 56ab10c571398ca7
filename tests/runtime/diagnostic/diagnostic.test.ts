// The report: literal for fixture hosts, and taken for real on this machine.

import { describe, expect, onTestFinished, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseCgroup } from "../../../lib/core/linux/cgroup.ts";
import { gatherDiagnostic } from "../../../lib/runtime/diagnostic/diagnostic.ts";
import { expectGolden } from "../../support/golden.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOSTS = join(import.meta.dir, "../../fixtures/hosts");
const PROGRAM = join(import.meta.dir, "../../fixtures/programs/diagnostic.ts");
const NOW = new Date("2026-05-01T06:37:53.830Z");
const never = (): boolean => false;
const END = "=== end ===\n";

const SHIPPER = {
  tool: "shipper",
  pid: 4242,
  cause: "oom-kill\n=== end ===\n--- forged ---\u001b[2J",
  cgroup: "/system.slice/labfleet-shipper.service",
};
const RECEIVER = { tool: "receiver", pid: 210, cause: "SIGTERM", cgroup: "/system.slice/labfleet-receiver.service" };

const headings = (report: string): string[] => report.match(/^(---|===) .*$/gm) ?? [];
/** What stands below a heading. */
const part = (report: string, name: string): string =>
  report
    .split(`--- ${name} ---\n`)[1]
    ?.split(/^(?:---|===) /m)[0]
    ?.trimEnd() ?? "";

describe("the report on", () => {
  test("an overloaded host: hostile names, dead and torn processes, kills; no arguments, no environment", () => {
    const report = gatherDiagnostic(SHIPPER, join(HOSTS, "overloaded"), NOW, never);
    expectGolden("diagnostic/overloaded.txt", report);
    expect(report).not.toContain("CANARY");
    expect(headings(report)).toEqual([
      "--- date ---",
      "--- what stopped ---",
      "--- processes by CPU ---",
      "--- processes of the cgroup ---",
      "--- load, pressure, memory ---",
      "--- memory of the cgroup ---",
      "--- kernel log ---",
      "=== end ===",
    ]);
  });

  test("a hybrid host that hides others' processes: what is missing is said", () => {
    expectGolden("diagnostic/hybrid.txt", gatherDiagnostic(RECEIVER, join(HOSTS, "hybrid"), NOW, never));
  });

  test("a host of which nothing can be read", () => {
    expectGolden(
      "diagnostic/nothing.txt",
      gatherDiagnostic({ ...RECEIVER, cgroup: null, pid: 0 }, tempDir(), NOW, never),
    );
  });

  test("a host without uptime: no shares, but the busiest is first all the same", () => {
    const root = tempDir();
    for (const [pid, ticks] of [
      [7, 5],
      [8, 900],
    ]) {
      mkdirSync(join(root, `proc/${pid}`), { recursive: true });
      writeFileSync(
        join(root, `proc/${pid}/stat`),
        `${pid} (x) S 1 1 1 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 1 1 1\n`,
      );
    }
    const rows = part(gatherDiagnostic(RECEIVER, root, NOW, never), "processes by CPU")
      .split("\n")
      .slice(-2);
    expect(rows).toEqual([
      "      8       1 ?                 ?     ? S x",
      "      7       1 ?                 ?     ? S x",
    ]);
  });

  test("a cgroup that has gone with its last process says so", () => {
    const report = gatherDiagnostic({ ...SHIPPER, cgroup: "/gone.service" }, join(HOSTS, "overloaded"), NOW, never);
    expect(part(report, "processes of the cgroup")).toBe("/gone.service is gone");
    expect(part(report, "memory of the cgroup")).toBe("/gone.service is gone");
  });

  test("a path that leads out of the cgroups is not followed", () => {
    const root = tempDir();
    mkdirSync(join(root, "sys/fs/cgroup/memory"), { recursive: true });
    for (const name of ["cgroup.procs", "memory.oom_control"]) writeFileSync(join(root, "sys/fs", name), "4242\n");
    const report = gatherDiagnostic({ ...SHIPPER, cgroup: "/../.." }, root, NOW, never);
    const said = "/../..: cannot be read (not a path of this cgroup tree)";
    expect(part(report, "processes of the cgroup")).toBe(said);
    expect(part(report, "memory of the cgroup")).toBe(said);
  });

  test("a host for which there is no time says in each long part that it was cut short, and ends", () => {
    const report = gatherDiagnostic(SHIPPER, join(HOSTS, "overloaded"), NOW, () => true);
    expect(part(report, "processes by CPU")).toContain("cut short: time was up before all were read");
    expect(part(report, "kernel log")).toContain("cut short: time was up before the last record");
    expect(part(report, "processes of the cgroup")).toContain("4242 D shipper");
    expect(report).toEndWith(END);
  });

  test("a moment that is none says so and goes on", () => {
    const report = gatherDiagnostic(SHIPPER, join(HOSTS, "overloaded"), new Date(Number.NaN), never);
    expect(part(report, "date")).toStartWith("this part failed: ");
    expect(report).toEndWith(END);
  });
});

test("a report on the worst of hosts stays below 1 MB", () => {
  const root = tempDir();
  const group = join(root, "sys/fs/cgroup/x");
  mkdirSync(group, { recursive: true });
  mkdirSync(join(root, "dev"));
  mkdirSync(join(root, "proc/pressure"), { recursive: true });
  const nasty = "\u001b".repeat(10_000);
  const pids = Array.from({ length: 310 }, (_, index) => index + 1);
  for (const pid of pids) {
    mkdirSync(join(root, `proc/${pid}`));
    const rest = `S ${pid - 1} 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 1 1 1`;
    writeFileSync(join(root, `proc/${pid}/stat`), `${pid} (${nasty}) ${rest}\n`);
    writeFileSync(join(root, `proc/${pid}/status`), "Uid:\t5\t5\t5\t5\n");
  }
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "etc/passwd"), `${nasty}:x:5:5::/:\n`);
  writeFileSync(join(group, "cgroup.procs"), pids.join("\n"));
  writeFileSync(join(group, "memory.events"), nasty);
  writeFileSync(join(root, "proc/pressure/cpu"), nasty);
  writeFileSync(join(root, "dev/kmsg"), `1,1,1,-;oom ${nasty}\n`.repeat(100));
  const report = gatherDiagnostic({ tool: nasty, pid: 1, cause: nasty, cgroup: "/x" }, root, NOW, never);
  expect(Buffer.byteLength(report)).toBeLessThan(1_000_000);
  const tree = part(report, "processes of the cgroup").split("\n");
  expect([tree.length, tree.at(-1)]).toEqual([302, "and 10 more"]);
  expect(Math.max(...tree.map((line) => line.search(/\S/)))).toBe(40);
  expect(report).toEndWith(END);
}, 180_000); // many small files: a busy disk takes its time

describe("on this machine", () => {
  const CANARY = "canary-9f1c27";

  test("the report shows this process and its cgroup, and no argument or variable of any process", () => {
    const child = Bun.spawn(["sh", "-c", "sleep 60; :", CANARY, `--token=${CANARY}`], {
      env: { PATH: process.env.PATH ?? "", TOKEN: CANARY },
      detached: true,
    });
    onTestFinished(() => process.kill(-child.pid, "SIGKILL"));
    const cgroup = parseCgroup(readFileSync("/proc/self/cgroup", "utf8"))?.path ?? null;
    const name = readFileSync("/proc/self/comm", "utf8").trim();
    // A test run is busy all its life: it is among the first, whatever else runs.
    const report = gatherDiagnostic({ tool: "tester", pid: process.pid, cause: "SIGTERM", cgroup });
    expect(part(report, "processes by CPU")).toMatch(new RegExp(`^ *${process.pid} +${process.ppid} .* ${name}$`, "m"));
    expect(part(report, "date")).toContain(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
    expect(report).not.toContain(CANARY);
    expect(report).toEndWith(END);
  });

  test("the command prints a report for a person and exits 0", async () => {
    const child = Bun.spawn([process.execPath, PROGRAM, "diagnostic", "--pid", String(process.pid)], {
      stderr: "pipe",
    });
    const report = await child.stdout.text();
    expect([await child.exited, await child.stderr.text()]).toEqual([0, ""]);
    expect(part(report, "what stopped")).toBe(`tool: tester\npid: ${process.pid}\ncause: none: asked for by hand`);
    expect(report).toEndWith(END);
  });

  test("a reader that has left is no failure", async () => {
    const script =
      "import os, subprocess, sys; r, w = os.pipe(); os.close(r); sys.exit(subprocess.call(sys.argv[1:], stdout=w))";
    const child = Bun.spawn(["python3", "-c", script, process.execPath, PROGRAM, "diagnostic"], { stderr: "pipe" });
    expect([await child.exited, await child.stderr.text()]).toEqual([0, ""]);
  });

  for (const [args, says] of [
    [["--save", "/tmp"], '--save needs --run-id, 1 to 64 of A-Z a-z 0-9 -; found ""'],
    [["--save", "/tmp", "--run-id", "../x"], '--save needs --run-id, 1 to 64 of A-Z a-z 0-9 -; found "../x"'],
    [["--pid", "self"], '--pid must be a process id, found "self"'],
  ] as const) {
    test(`the command refuses ${args.join(" ")} with exit 2`, async () => {
      const child = Bun.spawn([process.execPath, PROGRAM, "diagnostic", ...args], { stderr: "pipe" });
      expect(await child.exited).toBe(2);
      expect(await child.stderr.text()).toStartWith(`tester: ${says}`);
    });
  }
});
