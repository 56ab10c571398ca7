// Checks that end, hang, flood, fork and fail, as real processes: a result always comes, it says what happened, and what
// the check left behind is ended. X20, one that cannot be killed, is in process-unkillable.test.ts.

import { describe, expect, onTestFinished, test } from "bun:test";
import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../support/temp-dir.ts";
import {
  CHECKS,
  check,
  endWithTest,
  isGone,
  NEVER_MS,
  openFiles,
  PATH,
  sh,
  text,
  until,
  zombies,
} from "./process-support.ts";

describe("a check that ends by itself", () => {
  test("gives its exit code and both outputs, each on its own", async () => {
    const done = await sh("echo out; echo err >&2; exit 2");
    expect(done).toMatchObject({ kind: "exited", code: 2, signal: null, why: null, unkillable: false });
    expect(done).toMatchObject({ survivorsKilled: 0, survivorsLeft: 0, contained: false });
    expect([text(done.stdout), text(done.stderr)]).toEqual(["out\n", "err\n"]);
    expect([done.stdout.dropped, done.stderr.dropped]).toEqual([0, 0]);
  });

  test("has real pipes for outputs, which it can open anew", async () => {
    const done = await sh("echo out >/dev/stdout; echo err >/dev/stderr");
    expect([text(done.stdout), text(done.stderr)]).toEqual(["out\n", "err\n"]);
  });

  test("X01 every exit code arrives as it is: 4, 77, 255", async () => {
    for (const code of [4, 77, 255]) expect(await sh(`exit ${code}`)).toMatchObject({ kind: "exited", code });
  });

  test("X03 death by a signal is the real signal, and the text so far is kept", async () => {
    const done = await sh("echo part; kill -9 $$");
    expect(done).toMatchObject({ kind: "signalled", code: null, signal: 9 });
    expect(text(done.stdout)).toBe("part\n");
    expect(await sh("kill -40 $$")).toMatchObject({ kind: "signalled", code: null, signal: 40 });
  });

  test("X04 exit 137 is an exit code, no signal", async () => {
    expect(await sh("echo OK; exit 137")).toMatchObject({ kind: "exited", code: 137, signal: null });
  });

  test("X15 standard input is at its end at once", async () => {
    expect(text((await sh("cat; readlink /proc/self/fd/0; echo end")).stdout)).toBe("/dev/null\nend\n");
  });

  test("X16 its environment is exactly what it is given; it starts in / and leads a session; no file is inherited", async () => {
    process.env.NOTIFY_SOCKET = "/run/canary";
    onTestFinished(() => {
      delete process.env.NOTIFY_SOCKET;
    });
    expect(text((await check(["env"], { env: { PATH, A: "b" } })).stdout)).toBe(`PATH=${PATH}\nA=b\n`);
    const ours = openSync("/dev/null", "r");
    onTestFinished(() => closeSync(ours));
    const done = await sh("pwd; cut -d' ' -f5,6 /proc/$$/stat; echo $$ $$; ls /proc/$$/fd");
    const [cwd, session, expected, ...fds] = text(done.stdout).trim().split("\n");
    expect([cwd, session]).toEqual(["/", expected]);
    // The shell keeps a descriptor of its own above 9.
    expect(fds.filter((fd) => Number(fd) < 10)).toEqual(["0", "1", "2"]);
  });
});

describe("a check that cannot be started is a result in words:", () => {
  const cases: [string, string[], string, RegExp][] = [
    ["no such file", ["/nonexistent/check"], "not_found", /^"\/nonexistent\/check" not found$/],
    ["no such name", ["labfleet-no-such-check"], "not_found", /^"labfleet-no-such-check" not found on PATH$/],
    ["a file as a directory", ["/etc/passwd/check"], "not_found", /not found$/],
    ["its interpreter is missing", [join(CHECKS, "lost-interpreter.sh")], "not_found", /first line names is not$/],
    ["X02 not executable", [join(CHECKS, "not-executable.sh")], "not_executable", /not executable: EACCES$/],
    ["a directory", ["/tmp"], "not_executable", /not executable: EACCES$/],
    ["no program and no #! line", [join(CHECKS, "no-interpreter.sh")], "not_executable", /and no #! line$/],
    ["no word at all", [], "not_started", /^"" cannot be started: /],
    ["a NUL", ["echo", "a\0b"], "not_started", /^"echo" cannot be started: /],
    ["an argument that is too long", ["echo", "x".repeat(200_000)], "not_started", /E2BIG/],
  ];
  for (const [what, words, kind, why] of cases) {
    test(what, async () => {
      const done = await check(words);
      expect([done.kind, done.code, done.signal]).toEqual([kind, null, null] as never);
      expect(done.why).toMatch(why);
    });
  }

  test("X02 a shell's own 126 and 127 stay exit codes", async () => {
    expect(await sh("labfleet-no-such-check")).toMatchObject({ kind: "exited", code: 127 });
    expect(await sh("/etc/passwd")).toMatchObject({ kind: "exited", code: 126 });
  });
});

describe("what it leaves behind", () => {
  const lingers = join(CHECKS, "lingers.py");

  async function leave(where: string) {
    const done = await check([lingers, where]);
    expect(done).toMatchObject({ kind: "exited", code: 0 });
    const pid = Number(text(done.stdout).split(" ")[1]);
    expect(pid).toBeGreaterThan(1);
    endWithTest(pid);
    return { done, pid };
  }

  test("X09 in its group is killed and counted, and its hold on the pipe does not keep us", async () => {
    const { done, pid } = await leave("group");
    expect(done).toMatchObject({ survivorsKilled: 1, survivorsLeft: 0 });
    await until(() => isGone(pid));
  });

  test("X09 in a job of its own, but in its session, is killed and counted", async () => {
    const { done, pid } = await leave("job");
    expect(done).toMatchObject({ survivorsKilled: 1, survivorsLeft: 0 });
    await until(() => isGone(pid));
  });

  test("X10 in a session of its own with our pipe is counted without a cgroup, and does not keep us", async () => {
    const { done, pid } = await leave("session");
    expect(done).toMatchObject({ survivorsKilled: 0, survivorsLeft: 1 });
    expect(isGone(pid)).toBe(false);
  });

  test("X10 a daemon without our pipe is not seen here without a cgroup", async () => {
    const { done, pid } = await leave("daemon");
    expect(done).toMatchObject({ survivorsKilled: 0, survivorsLeft: 0 });
    expect(isGone(pid)).toBe(false);
  });

  test("is no descriptor and no zombie, over some hundred runs of every kind", async () => {
    const round = () =>
      Promise.all([
        sh("echo OK"),
        sh("exit 3"),
        sh("kill -9 $$"),
        sh("sleep 60 & echo OK"),
        sh("setsid sleep 0.3 & echo OK"),
        sh("sleep 60", { timeoutMs: 20, graceMs: 20 }),
        sh("yes", { timeoutMs: 20, graceMs: 20 }),
        check(["/nonexistent"]),
        check([join(CHECKS, "not-executable.sh")]),
      ]);
    await round();
    const before = openFiles();
    for (let i = 0; i < 35; i++) await round();
    await until(() => openFiles() <= before && zombies() === 0);
  }, 180_000);
});

describe("a check that does not end", () => {
  test("X11 one that ignores SIGTERM is killed after the grace, with its children; the text so far is kept", async () => {
    // Not before it said so: its trap must stand. A child inherits it.
    const script = "trap '' TERM; sleep 300 & echo part $!; while :; do sleep 1; done";
    for (const timeoutMs of [300, 3000, 30_000]) {
      const done = await sh(script, { timeoutMs, graceMs: 100 });
      expect(done).toMatchObject({ kind: "timed_out", unkillable: false });
      if (text(done.stdout) === "" || done.signal === 15) continue;
      expect(done).toMatchObject({ code: null, signal: 9 });
      const [part, pid] = text(done.stdout).trim().split(" ");
      endWithTest(Number(pid));
      expect(part).toBe("part");
      await until(() => isGone(Number(pid)));
      return;
    }
    throw new Error("the check never got its turn");
  }, 180_000);

  test("X12 one that exits 0 at SIGTERM has timed out all the same", async () => {
    for (const timeoutMs of [300, 3000, 30_000]) {
      const done = await check([join(CHECKS, "traps-term.sh")], { timeoutMs, graceMs: NEVER_MS });
      expect(done.kind).toBe("timed_out");
      if (!text(done.stdout).startsWith("ready")) continue;
      expect(done).toMatchObject({ code: 0, signal: null });
      expect(text(done.stdout)).toBe("ready\nOK after all | a=1\n");
      return;
    }
    throw new Error("the check never got its turn");
  }, 180_000);

  test("X13 one that floods is kept to its limit, and what it printed is counted", async () => {
    const done = await check(["yes"], { timeoutMs: 1000, graceMs: 5000 });
    expect(done).toMatchObject({ kind: "timed_out", signal: 15 });
    expect(done.stdout.bytes.length).toBe(65_536);
    expect(done.stdout.dropped).toBeGreaterThan(65_536);
    const both = await sh("yes | head -c 200000 >&2 & yes | head -c 100000; wait", { keepBytes: 10 });
    expect([text(both.stdout), text(both.stderr)]).toEqual(["y\ny\ny\ny\ny\n", "y\ny\ny\ny\ny\n"]);
    expect([both.stdout.dropped, both.stderr.dropped]).toEqual([99_990, 199_990]);
  });

  test("X13 a character that the limit cuts is dropped whole", async () => {
    const done = await sh("printf aéé", { keepBytes: 4 });
    expect([text(done.stdout), done.stdout.dropped]).toEqual(["aé", 2]);
    expect(await sh("printf aéé", { keepBytes: 5 })).toMatchObject({ stdout: { dropped: 0 } });
  });

  test("X14 one that drips is not kept alive by it", async () => {
    const done = await check([join(CHECKS, "drip.sh")], { timeoutMs: 300 });
    expect(done).toMatchObject({ kind: "timed_out", signal: 15 });
    expect(text(done.stdout)).toMatch(/^x*$/);
  });

  test("X19 one that is stopped is killed after the grace", async () => {
    expect(await sh("kill -STOP $$", { timeoutMs: 100, graceMs: 100 })).toMatchObject({
      kind: "timed_out",
      signal: 9,
      unkillable: false,
    });
  });

  test("a child that ignores SIGTERM goes with its leader that does not", async () => {
    const script = "(trap '' TERM; echo $(sh -c 'echo $PPID'); while :; do sleep 1; done) & while :; do sleep 1; done";
    for (const timeoutMs of [300, 3000, 30_000]) {
      const done = await sh(script, { timeoutMs });
      const pid = Number(text(done.stdout));
      if (!(pid > 1)) continue;
      expect(done).toMatchObject({ kind: "timed_out", signal: 15, survivorsLeft: 0 });
      expect(done.survivorsKilled).toBeGreaterThan(0);
      await until(() => isGone(pid));
      return;
    }
    throw new Error("the check never got its turn");
  }, 180_000);
});

describe("a check that is cancelled", () => {
  test("gets SIGTERM at once and is said to be cancelled, whatever it exits with", async () => {
    const stop = new AbortController();
    const ready = join(tempDir(), "ready");
    const running = sh(`trap 'exit 0' TERM; : >${ready}; while :; do sleep 0.05; done`, { signal: stop.signal });
    await until(() => existsSync(ready));
    stop.abort();
    expect(await running).toMatchObject({ kind: "cancelled", code: 0 });
  });

  test("gets SIGKILL after the grace", async () => {
    const stop = new AbortController();
    const ready = join(tempDir(), "ready");
    const script = `trap '' TERM; : >${ready}; while :; do sleep 1; done`;
    const running = sh(script, { signal: stop.signal, graceMs: 100 });
    await until(() => existsSync(ready));
    stop.abort();
    expect(await running).toMatchObject({ kind: "cancelled", signal: 9, unkillable: false });
  });

  test("before its start is never started", async () => {
    expect(await check(["/nonexistent"], { signal: AbortSignal.abort() })).toMatchObject({ kind: "cancelled" });
  });
});
