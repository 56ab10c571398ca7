// Commands that hang, flood, fork and fail, as real processes: an answer always comes, and nothing stays behind.

import { describe, expect, onTestFinished, test } from "bun:test";
import { chmodSync, closeSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../../lib/os/process/exec.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Longer than any test may take: a command that meets it has hung. */
const NEVER_MS = 60_000;
/** Deadlines to try in turn: the first is enough, but on a machine so busy that the command did not get its turn. */
const SOON_MS = [200, 2000, 20_000];

const sh = (script: string, timeoutMs = NEVER_MS, maxBytes?: number) =>
  run(["sh", "-c", script], maxBytes === undefined ? { timeoutMs } : { timeoutMs, maxBytes });

/** Gone, or a zombie that nobody has reaped yet. */
function isGone(pid: number): boolean {
  try {
    return /^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5);
}

describe("a command that ends by itself", () => {
  test("gives its exit code and both outputs, each on its own", async () => {
    expect(await sh("echo out; echo err >&2; printf 'é\\nx'; exit 7")).toEqual({
      kind: "exited",
      code: 7,
      stdout: "out\né\nx",
      stderr: "err\n",
    });
    expect(await run(["true"], { timeoutMs: NEVER_MS })).toEqual({ kind: "exited", code: 0, stdout: "", stderr: "" });
  });

  test("has PATH, LC_ALL and what it was given in its environment, and nothing that speaks for us", async () => {
    const ours = { NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: "1", WATCHDOG_PID: "2", SECRET_OF_OURS: "x" };
    Object.assign(process.env, ours);
    onTestFinished(() => {
      for (const name of Object.keys(ours)) delete process.env[name];
    });
    const env = { XDG_RUNTIME_DIR: "/run/user/7", NOTIFY_SOCKET: "@x", WATCHDOG_PID: "3", MISSING: undefined };
    const done = await run(["env"], { timeoutMs: NEVER_MS, env });
    expect(done.kind === "exited" ? done.stdout.trim().split("\n").sort() : done).toEqual([
      "LC_ALL=C.UTF-8",
      `PATH=${process.env.PATH}`,
      "XDG_RUNTIME_DIR=/run/user/7",
    ]);
  });

  test("is looked up on the PATH that it is given", async () => {
    const bin = tempDir();
    writeFileSync(join(bin, "systemctl"), "#!/bin/sh\necho fake\n");
    chmodSync(join(bin, "systemctl"), 0o755);
    const env = { PATH: `${bin}:${process.env.PATH}` };
    expect(await run(["systemctl"], { timeoutMs: NEVER_MS, env })).toMatchObject({ kind: "exited", stdout: "fake\n" });
    expect(await run(["env"], { timeoutMs: NEVER_MS, env: { PATH: "" } })).toMatchObject({
      stdout: expect.stringContaining("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"),
    });
  });

  test("starts in /, reads /dev/null, inherits no file, and leads a session of its own", async () => {
    const ours = openSync("/dev/null", "r");
    onTestFinished(() => closeSync(ours));
    const script = "pwd; readlink /proc/self/fd/0; cut -d' ' -f5,6 /proc/$$/stat; echo $$ $$; ls /proc/$$/fd";
    const done = await sh(script);
    const [cwd, stdin, session, expected, ...fds] = done.kind === "exited" ? done.stdout.trim().split("\n") : [];
    expect([cwd, stdin, session]).toEqual(["/", "/dev/null", expected]);
    // The shell keeps a descriptor of its own above 9.
    expect(fds.filter((fd) => Number(fd) < 10)).toEqual(["0", "1", "2"]);
  });

  test("takes along what it left in its group, which could hold the pipe for ever", async () => {
    const done = await sh("sleep 4711 & echo $!");
    expect(done).toMatchObject({ kind: "exited", code: 0, stderr: "" });
    const pid = done.kind === "exited" ? Number(done.stdout) : 0;
    expect(pid).toBeGreaterThan(1);
    await until(() => isGone(pid));
  });

  test("leaves no descriptor open in us, however it ended", async () => {
    const open = (): number => readdirSync("/proc/self/fd").length;
    const some = () =>
      Promise.all([sh("echo"), sh("sleep 60", 20), sh("yes", NEVER_MS, 10), run(["/none"], { timeoutMs: 1 })]);
    await some();
    const before = open();
    for (let round = 0; round < 8; round++) await some();
    await until(() => open() <= before);
  });
});

describe("a command that does not end", () => {
  /** A file for pids, one a line; whoever is named there is gone after the test. */
  function pidFile(): { file: string; pids: () => number[] } {
    let file = "";
    const pids = (): number[] => readFileSync(file, "utf8").trim().split("\n").map(Number);
    onTestFinished(() => {
      for (const pid of pids().filter((each) => each > 1 && !isGone(each))) process.kill(pid, "SIGKILL");
    });
    // After the line above, so that the directory goes last.
    file = join(tempDir(), "pids");
    writeFileSync(file, "");
    return { file, pids };
  }

  test("is killed at the deadline with its whole group, deaf to SIGTERM or not", async () => {
    const { file, pids } = pidFile();
    const script = `trap '' TERM; echo $$ >>${file}; sleep 4712 & echo $! >>${file}; while :; do sleep 4712; done`;
    for (const ms of SOON_MS) {
      expect(await sh(script, ms)).toEqual({
        kind: "failed",
        why: `sh did not end within ${ms / 1000} s and was killed`,
      });
      if (pids().length >= 2) break;
    }
    expect(pids().length).toBeGreaterThanOrEqual(2);
    await until(() => pids().every(isGone));
  });

  // What leaves the group before its shell ends is out of reach of the kill, and holds the pipe.
  const escapee = (file: string): string =>
    `setsid sh -c 'echo $$ >>${file}; exec sleep 4713' & until [ -s ${file} ]; do sleep 0.01; done`;

  test("cannot make us wait through a process in another group that holds its pipe", async () => {
    const { file, pids } = pidFile();
    let done = await sh("exit 1");
    for (const ms of SOON_MS) {
      done = await sh(`${escapee(file)}; echo done; exit 3`, ms);
      if (done.kind === "exited") break;
    }
    expect(done).toEqual({ kind: "exited", code: 3, stdout: "done\n", stderr: "" });
    expect(pids().some((pid) => !isGone(pid))).toBe(true);
  });

  test("does not keep its caller's process alive either", async () => {
    const { file, pids } = pidFile();
    const program = `import { run } from ${JSON.stringify(join(import.meta.dir, "../../../lib/os/process/exec.ts"))};
      const [script, timeoutMs] = process.argv.slice(1);
      console.log(JSON.stringify(await run(["sh", "-c", script], { timeoutMs: Number(timeoutMs) })));`;
    for (const ms of SOON_MS) {
      const argv = [`${escapee(file)}; sleep 4713`, String(ms)];
      const caller = Bun.spawn([process.execPath, "-e", program, ...argv], { stdout: "pipe" });
      expect(await caller.exited).toBe(0);
      expect(await caller.stdout.text()).toContain("did not end within");
      if (pids().some((pid) => pid > 1)) break;
    }
    expect(pids().some((pid) => !isGone(pid))).toBe(true);
  });
});

describe("a command that prints too much", () => {
  test("is ended at the first byte beyond the limit", async () => {
    expect(await sh("yes", NEVER_MS, 1000)).toEqual({
      kind: "failed",
      why: "sh printed more than 1000 bytes and was killed",
    });
    expect(await sh("head -c 1000001 /dev/zero", NEVER_MS, 1_000_000)).toMatchObject({ kind: "failed" });
    expect(await sh("head -c 1048577 /dev/zero")).toMatchObject({ kind: "failed" });
  });

  test("may reach the limit", async () => {
    const done = await sh("head -c 1000000 /dev/zero", NEVER_MS, 1_000_000);
    expect(done.kind === "exited" ? done.stdout.length : done).toBe(1_000_000);
  });

  test("on standard error keeps its answer; the first 16 KiB of the noise are kept", async () => {
    const done = await sh("head -c 3000000 /dev/zero >&2; echo answer");
    expect(done).toMatchObject({ kind: "exited", code: 0, stdout: "answer\n" });
    expect(done.kind === "exited" ? done.stderr.length : done).toBe(16 * 1024);
  });
});

describe("a command that cannot be run is said in words, never thrown:", () => {
  for (const [what, command, why] of [
    ["no such program", ["labfleet-no-such-program", "x"], 'cannot start "labfleet-no-such-program": '],
    ["a directory", ["/tmp"], 'cannot start "/tmp": '],
    ["nothing", [], 'cannot start "": '],
    ["a NUL in an argument", ["echo", "a\0b"], 'cannot start "echo": '],
  ] as const) {
    test(what, async () => {
      const done = await run(command, { timeoutMs: NEVER_MS });
      expect(done.kind === "failed" ? done.why : done).toStartWith(why);
    });
  }

  test("one that dies of a signal", async () => {
    expect(await sh("kill -SEGV $$")).toEqual({ kind: "failed", why: "sh was ended by SIGSEGV" });
  });
});
