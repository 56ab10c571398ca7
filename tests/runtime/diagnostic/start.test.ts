// Who takes a report, with what in hand, and what happens when that one is refused, killed or hangs. Real processes; that
// systemd itself takes it along a unit's stop is shown in tests/systemd.

import { describe, expect, onTestFinished, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Handover,
  hasDiagnostic,
  type Place,
  startDiagnostic,
} from "../../../lib/runtime/diagnostic/diagnostic.ts";
import { lineReader } from "../../support/lines.ts";
import { smallDisk, smallDiskMissing } from "../../support/small-disk.ts";
import { tempDir } from "../../support/temp-dir.ts";

const PROGRAMS = join(import.meta.dir, "../../fixtures/programs");
const TESTER = [process.execPath, join(PROGRAMS, "diagnostic.ts"), "diagnostic"];
const BY_HAND: Place = { underSystemd: false, scope: null, uid: 0, command: TESTER };
const SERVICE: Place = { underSystemd: true, scope: "system", uid: 997, command: TESTER };
const ROOT_SERVICE: Place = { ...SERVICE, uid: 0 };
const USER_SERVICE: Place = { ...SERVICE, scope: "user", uid: 1000 };

const request = (dir: string, change = {}) => ({
  ...{ dir, runId: "run-1", tool: "shipper", pid: process.pid, cause: "SIGTERM", cgroup: "/x.service" },
  ...change,
});

function begun(started: Handover | { failure: string }): Handover {
  if ("failure" in started) throw new Error(started.failure);
  return started;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5);
}

/** A program in the place of another: `body` is shell. */
function script(dir: string, body: string): string {
  const path = join(dir, "script");
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("by hand, without systemd", () => {
  test("a child takes the report, and nobody has to wait for it", async () => {
    const dir = join(tempDir(), "not yet there");
    const gone = startDiagnostic(request(dir), BY_HAND);
    expect(gone).toEqual({ failure: `cannot write to ${dir}: ENOENT` });
    expect(existsSync(dir)).toBe(false);
    mkdirSync(dir);
    const cause = 'SIGTERM $HOME %n "\n=== end ===\n--- forged ---';
    const { how, done } = begun(startDiagnostic(request(dir, { cause, cgroup: null }), BY_HAND));
    expect(how).toBe("child");
    await done;
    await until(() => hasDiagnostic(dir, "run-1"));
    const path = join(dir, "diagnostic-run-1.txt");
    const report = readFileSync(path, "utf8");
    expect(report).toContain(
      `\npid: ${process.pid}\ncause: SIGTERM $HOME %n "\\u000a=== end ===\\u000a--- forged ---\n`,
    );
    expect(report).toEndWith("\n=== end ===\n");
    expect(report.split("=== end ===\n").length).toBe(2);
    expect((statSync(path).mode & 0o777).toString(8)).toBe("600");
  });

  test("the child has a session of its own and nothing of ours: no descriptor, no directory, no variable", async () => {
    const dir = tempDir();
    const secrets = {
      NOTIFY_SOCKET: "/n",
      WATCHDOG_USEC: "1",
      BUN_OPTIONS: "",
      CREDENTIALS_DIRECTORY: "/c",
      TOKEN: "t",
    };
    Object.assign(process.env, secrets);
    onTestFinished(() => {
      for (const name of Object.keys(secrets)) delete process.env[name];
    });
    const body = `
      dir=\${1#--save=}
      for fd in /proc/$$/fd/*; do readlink "$fd"; done >"$dir/fds"
      tr '\\0' '\\n' </proc/$$/environ >"$dir/env"
      read -r _ _ _ _ _ session _ </proc/$$/stat
      echo "$((session == $$)) $(pwd)" >"$dir/rest"; : >"$dir/finished"`;
    startDiagnostic(request(dir), { ...BY_HAND, command: ["/bin/sh", "-c", body, "sh"] });
    await until(() => existsSync(join(dir, "finished")));
    const read = (name: string): string[] => readFileSync(join(dir, name), "utf8").trim().split("\n");
    // The redirection of the loop itself is the fourth.
    expect(read("fds").filter((path) => !path.startsWith(dir))).toEqual(["/dev/null", "/dev/null", "/dev/null"]);
    expect(read("env").sort()).toEqual(["LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"]);
    expect(read("rest")).toEqual(["1 /"]);
  });
});

describe("as a service of an unprivileged user", () => {
  test("a child takes the report though there is systemd-run, and is waited for", async () => {
    const dir = tempDir();
    const { how, done } = begun(startDiagnostic(request(dir), SERVICE, script(dir, "exit 1")));
    expect(how).toBe("child");
    await done;
    await until(() => hasDiagnostic(dir, "run-1"));
  });

  test("a child that the unit's own SIGTERM meets in its first moment is started again", async () => {
    const dir = tempDir();
    const body = `[ -e "$0.first" ] && exec "$@"; : >"$0.first"; kill -TERM $$`;
    const command = [script(dir, body), ...TESTER];
    await begun(startDiagnostic(request(dir), { ...SERVICE, command })).done;
    await until(() => hasDiagnostic(dir, "run-1"));
  });

  test("it is started three times at most", async () => {
    const dir = tempDir();
    const command = [script(dir, `echo >>"$0.count"; kill -TERM $$`)];
    await begun(startDiagnostic(request(dir), { ...SERVICE, command })).done;
    await until(() => readFileSync(join(dir, "script.count"), "utf8") === "\n\n\n");
  });

  test("one that hangs is not waited for", async () => {
    const dir = tempDir();
    const command = ["/bin/sh", "-c", `echo $$ >"\${1#--save=}/pid"; exec sleep 600`, "sh"];
    await begun(startDiagnostic(request(dir), { ...SERVICE, command })).done;
    await until(() => existsSync(join(dir, "pid")) && readFileSync(join(dir, "pid"), "utf8") !== "");
    const pid = Number(readFileSync(join(dir, "pid"), "utf8"));
    expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toMatch(/^(sh|sleep)\n$/);
    process.kill(pid, "SIGKILL");
  });
});

describe("as a service that may start units", () => {
  const RECORD = `for word; do printf '%s\\n' "$word"; done >"$0.words"; echo "$XDG_RUNTIME_DIR" >"$0.runtime"`;
  const UNIT = [
    "--quiet",
    "--collect",
    "--no-block",
    "--unit=labfleet-diagnostic-shipper-run-1",
    "--description=Diagnostic of labfleet shipper",
    "--property=RuntimeMaxSec=5",
    "--property=KillSignal=SIGKILL",
    "--property=UMask=0077",
    "--property=UnsetEnvironment=BUN_OPTIONS BUN_BE_BUN NODE_OPTIONS",
    "--",
  ];
  const words = (dir: string): string[] => readFileSync(join(dir, "script.words"), "utf8").trim().split("\n");

  test("root asks the system's manager for a unit of its own; a $ in a word is no variable", async () => {
    const dir = tempDir();
    const asked = begun(startDiagnostic(request(dir, { cause: "a $HOME\n" }), ROOT_SERVICE, script(dir, RECORD)));
    await asked.done;
    await until(() => existsSync(join(dir, "script.runtime")));
    const said = [`--save=${dir}`, "--run-id=run-1", `--pid=${process.pid}`, "--cause=a $$HOME\\u000a"];
    expect(words(dir)).toEqual([...UNIT, ...TESTER, ...said, "--cgroup=/x.service"]);
    expect(asked.how).toBe("systemd-run");
  });

  test("a user's service asks the user's manager, which is found by its runtime directory", async () => {
    const dir = tempDir();
    const before = process.env.XDG_RUNTIME_DIR;
    delete process.env.XDG_RUNTIME_DIR;
    onTestFinished(() => {
      if (before !== undefined) process.env.XDG_RUNTIME_DIR = before;
    });
    await begun(startDiagnostic(request(dir, { tool: "a/b c" }), USER_SERVICE, script(dir, RECORD))).done;
    await until(() => existsSync(join(dir, "script.runtime")));
    expect(words(dir).slice(0, 5)).toEqual([
      "--user",
      "--quiet",
      "--collect",
      "--no-block",
      "--unit=labfleet-diagnostic-a-b-c-run-1",
    ]);
    expect(readFileSync(join(dir, "script.runtime"), "utf8")).toBe("/run/user/1000\n");
  });

  test("where systemd refuses, a child takes over", async () => {
    const dir = tempDir();
    const asked = begun(startDiagnostic(request(dir), ROOT_SERVICE, script(dir, "exit 1")));
    expect(asked.how).toBe("systemd-run");
    await until(() => hasDiagnostic(dir, "run-1"));
    await asked.done;
    expect(asked.how).toBe("child");
  });

  test("where neither can be started, the end is not held up", async () => {
    const dir = tempDir();
    const place = { ...ROOT_SERVICE, command: ["/none/such"] };
    await begun(startDiagnostic(request(dir), place, script(dir, "exit 1"))).done;
    expect(hasDiagnostic(dir, "run-1")).toBe(false);
  });

  test("where there is no systemd-run, a child takes the report", () =>
    expect(begun(startDiagnostic(request(tempDir()), ROOT_SERVICE, null)).how).toBe("child"));
});

describe("nothing is started, and one sentence says why,", () => {
  const LEAVES_A_MARK = (dir: string): Place => ({ ...BY_HAND, command: [script(dir, `: >"$0.mark"`)] });

  test("where the directory cannot be", () => {
    const dir = tempDir();
    const place = LEAVES_A_MARK(dir);
    expect(startDiagnostic(request(join(dir, "script/below")), place)).toEqual({
      failure: expect.stringMatching(/^cannot write to .*\/script\/below: ENOTDIR/),
    });
    expect(startDiagnostic(request("/proc/none"), place)).toEqual({
      failure: expect.stringMatching(/^cannot write to \/proc\/none: ENOENT/),
    });
    expect(readdirSync(dir)).toEqual(["script"]);
  });

  test("where the directory may not be written to", () => {
    const dir = tempDir();
    // Modes do not stop root; a file system without writing does.
    using disk = smallDiskMissing === null ? smallDisk(1) : null;
    const closed = disk?.path ?? tempDir();
    if (disk === null) chmodSync(closed, 0o555);
    else expect(Bun.spawnSync(["mount", "-o", "remount,ro", closed]).exitCode).toBe(0);
    expect(startDiagnostic(request(closed), LEAVES_A_MARK(dir))).toEqual({
      failure: expect.stringMatching(/^cannot write to .*: E(?:ROFS|ACCES)/),
    });
    expect(readdirSync(dir)).toEqual(["script"]);
  });

  test("where the run has no proper name", () => {
    const dir = tempDir();
    expect(startDiagnostic(request(dir, { runId: "../x" }), LEAVES_A_MARK(dir))).toEqual({
      failure: 'a report cannot be named "../x": expected 1 to 64 of A-Z a-z 0-9 -',
    });
    expect(readdirSync(dir)).toEqual(["script"]);
  });

  test("where the program is missing", () =>
    expect(startDiagnostic(request(tempDir()), { ...BY_HAND, command: ["/none/such"] })).toEqual({
      failure: expect.stringContaining("cannot start /none/such: "),
    }));
});

test("who takes a report ignores SIGTERM, is the first to go for memory, and ends though the kernel does not answer", async () => {
  const pipe = join(tempDir(), "pipe");
  Bun.spawnSync(["mkfifo", pipe]);
  const child = Bun.spawn([process.execPath, join(PROGRAMS, "outlast.ts"), "300", pipe], { stdout: "pipe" });
  onTestFinished(() => child.kill("SIGKILL"));
  expect(await lineReader(child.stdout)()).toBe("hanging");
  child.kill("SIGTERM");
  expect(readFileSync(`/proc/${child.pid}/oom_score_adj`, "utf8")).toBe("1000\n");
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
});
