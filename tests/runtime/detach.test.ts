// --daemon: the terminal hears of a start that fails, and is left alone by one that works. Real processes and terminals.

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { commandAgain, finishDetaching } from "../../lib/runtime/detach.ts";
import { isDetached } from "../../lib/runtime/log/detached.ts";
import { type UnixReceiver, unixReceiver } from "../support/datagrams.ts";
import { lineReader } from "../support/lines.ts";
import { tempDir } from "../support/temp-dir.ts";

const PROGRAM = join(import.meta.dir, "../fixtures/programs/detach-daemon.ts");
const FROM_SOURCE = [process.execPath, PROGRAM];

/** Waits until something is so; the test's time-out is the limit. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(5);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

interface Place {
  dir: string;
  syslog: UnixReceiver;
  /** The daemon's, once it has begun. */
  pid(): number;
}

/** A directory for one daemon, with a syslog daemon's socket in it. */
async function place(): Promise<Place> {
  let dir = "";
  const pid = (): number => Number(readFileSync(join(dir, "pid"), "utf8"));
  // Before the directory goes. The whole group, for the child of the one that talks.
  onTestFinished(() => {
    try {
      process.kill(-pid(), "SIGKILL");
    } catch {
      // It has ended, or never began.
    }
  });
  dir = tempDir();
  return { dir, syslog: await unixReceiver(join(dir, "log")), pid };
}

interface Facts {
  pid: number;
  ppid: number;
  session: number;
  cwd: string;
  umask: number;
  fds: string[];
  marks: string[];
  argv: string[];
}

/** What the daemon says of itself now. */
async function askFacts({ dir, pid }: Place): Promise<Facts> {
  const path = join(dir, "facts");
  process.kill(pid(), "SIGUSR1");
  await until(() => existsSync(path) || !isAlive(pid()));
  const facts: Facts = JSON.parse(readFileSync(path, "utf8"));
  rmSync(path);
  return facts;
}

/** Starts the daemon from a shell with a umask of its own and waits for the first process. */
async function start(command: readonly string[], dir: string, ...args: string[]) {
  const child = Bun.spawn(["sh", "-c", 'umask 027; exec "$@"', "sh", ...command, "--dir", dir, ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { out, err, code, starter: child.pid };
}

function sharedTests(command: () => readonly string[]): void {
  test("says its pid and lets go; the daemon has its own session, no terminal, and logs to syslog", async () => {
    const here = await place();
    const { dir, syslog, pid } = here;
    const { out, err, code, starter } = await start(command(), dir, "--daemon", "--log-level", "debug");
    expect({ out, err, code }).toEqual({ out: `d runs as pid ${pid()}\n`, err: "", code: 0 });
    const facts = await askFacts(here);
    expect(facts.ppid).not.toBe(starter);
    expect(facts).toEqual({
      pid: pid(),
      ppid: facts.ppid,
      session: pid(),
      cwd: "/",
      umask: 0o027,
      fds: ["/dev/null", "/dev/null", "/dev/null"],
      marks: [],
      argv: ["--dir", dir, "--log-level", "debug"],
    });
    for (const line of ["INFO: starting", "WARNING: working", "DEBUG: in detail"]) {
      expect(await syslog.next()).toEndWith(` d[${pid()}]: d ${line}`);
    }
    process.kill(pid(), "SIGTERM");
    await until(() => !isAlive(pid()));
  });

  test("says on the terminal why it cannot start, with its exit code", async () => {
    const { dir } = await place();
    const { out, err, code } = await start(command(), dir, "--daemon", "--mode", "refuses");
    expect({ out, err, code }).toEqual({ out: "", err: "d: cannot start\nd: fix: mend it\n", code: 2 });
  });
}

describe("a daemon started from source", () => sharedTests(() => FROM_SOURCE));

describe("a compiled daemon", () => {
  let built = "";
  beforeAll(() => {
    const dir = mkdtempSync(join(tmpdir(), "labfleet-test-"));
    built = join(dir, "d");
    const build = Bun.spawnSync([process.execPath, "build", "--compile", PROGRAM, "--outfile", built]);
    expect(build.exitCode, build.stderr.toString()).toBe(0);
  });
  afterAll(() => rmSync(dirname(built), { recursive: true, force: true }));
  sharedTests(() => [built]);
});

describe("a start that fails", () => {
  test("by a bug shows its stack and exits 70", async () => {
    const { dir } = await place();
    const { out, err, code } = await start(FROM_SOURCE, dir, "--daemon", "--mode", "breaks");
    expect({ out, code }).toEqual({ out: "", code: 70 });
    expect(err).toContain("no such thing");
    expect(err).toContain("    at ");
  });

  test("by a signal says which, and exits as a shell would", async () => {
    const { dir, pid } = await place();
    const { out, err, code } = await start(FROM_SOURCE, dir, "--daemon", "--mode", "dies");
    expect({ out, err, code }).toEqual({ out: "", err: "d: ended by SIGKILL before it could work\n", code: 137 });
    expect(isAlive(pid())).toBe(false);
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`because of ${signal} to whoever waits leaves no process behind`, async () => {
      const { dir, pid, syslog } = await place();
      const child = Bun.spawn([...FROM_SOURCE, "--dir", dir, "--daemon", "--mode", "hangs"], { stderr: "pipe" });
      expect(await syslog.next()).toEndWith("starting");
      child.kill(signal);
      expect(await child.exited).toBe(143);
      expect(await child.stderr.text()).toBe("d: ended by SIGTERM before it could work\n");
      expect(isAlive(pid())).toBe(false);
    });
  }
});

describe("a start that works", () => {
  test("says its warnings on the terminal and in the log", async () => {
    const { dir, syslog } = await place();
    const { err, code } = await start(FROM_SOURCE, dir, "--daemon", "--mode", "warns");
    expect(code).toBe(0);
    expect(err).toMatch(/^\S+ d WARN: an odd key key=x\n$/);
    expect(await syslog.next()).toEndWith("INFO: starting");
    expect(await syslog.next()).toEndWith("WARNING: an odd key key=x");
  });

  test("passes on what it says, is not held up by a child that keeps its pipes, and may write into them later", async () => {
    const here = await place();
    const { dir, pid } = here;
    const { out, err, code } = await start(FROM_SOURCE, dir, "--daemon", "--mode", "talks");
    expect({ out, code }).toEqual({ out: `d runs as pid ${pid()}\n`, code: 0 });
    expect(
      err
        .split("\n")
        .filter((line) => line !== "working")
        .sort(),
    ).toEqual(["", "err", "out"]);
    for (let i = 0; i < 5; i++) expect((await askFacts(here)).pid).toBe(pid());
  });

  test("without /dev/log warns once, on the terminal", async () => {
    const { dir, syslog } = await place();
    await syslog.stop();
    const { err, code } = await start(FROM_SOURCE, dir, "--daemon");
    expect(code).toBe(0);
    expect(err).toBe(
      `d: ${join(dir, "log")} takes no log lines (ECONNREFUSED): they go to UDP 127.0.0.1:9 until it does\n`,
    );
  });

  test("outlives its terminal", async () => {
    const here = await place();
    const { dir, pid } = here;
    // A session with a terminal, as of a login; its end hangs up whatever belongs to it.
    const terminal = `
import os, pty, sys
child, master = pty.fork()
if child == 0: os.execvp(sys.argv[1], sys.argv[1:])
said = b""
try:
    while data := os.read(master, 1024): said += data
except OSError: pass
print(said.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`;
    const command = ["sh", "-c", 'trap "" INT; "$@"; echo left', "sh", ...FROM_SOURCE, "--dir", dir, "--daemon"];
    const login = Bun.spawnSync(["python3", "-c", terminal, ...command]);
    expect(login.stdout.toString().trim().split(/\s+/).join(" ")).toBe(`d runs as pid ${pid()} left 0`);
    expect(await askFacts(here)).toMatchObject({ pid: pid(), session: pid() });
  });
});

describe("a daemon that has left its terminal", () => {
  test("says in the log why it ends by a bug, with the stack", async () => {
    const { dir, syslog, pid } = await place();
    expect((await start(FROM_SOURCE, dir, "--daemon")).code).toBe(0);
    process.kill(pid(), "SIGUSR2");
    const lines: string[] = [];
    while (!lines.at(-1)?.includes("    at ")) lines.push(await syslog.next());
    expect(lines.slice(0, 3).map((line) => line.replace(/^.*\]: /, ""))).toEqual([
      "d INFO: starting",
      "d WARNING: working",
      "d ERROR: d: this is a bug in labfleet: no such thing, later",
    ]);
    await until(() => !isAlive(pid()));
  });
});

describe("without --daemon", () => {
  test("nothing is left: directory, streams and log stay", async () => {
    const here = await place();
    const child = Bun.spawn([...FROM_SOURCE, "--dir", here.dir], {
      stdout: "pipe",
      stderr: "pipe",
      // As a child of a detached daemon would find it, or whoever sets it by hand.
      env: { ...process.env, LABFLEET_DETACHED_BY: "1" },
    });
    const stdout = lineReader(child.stdout);
    expect(await stdout()).toBe("working");
    const facts = await askFacts(here);
    expect(facts.cwd).toBe(process.cwd());
    expect(facts.fds.slice(1).every((name) => name.startsWith("socket:") || name.startsWith("pipe:"))).toBe(true);
    process.kill(here.pid(), "SIGTERM");
    expect(await child.exited).toBe(0);
    const err = await child.stderr.text();
    expect(err).toContain("d INFO: starting");
    expect(err).not.toContain("\0");
  });

  test("finishing does nothing", () => {
    const before = process.cwd();
    finishDetaching();
    expect([isDetached(), process.cwd()]).toEqual([false, before]);
  });
});

describe("the command that starts it again", () => {
  const source = { execPath: "/usr/bin/bun", execArgv: [] as string[] };
  for (const [process, command] of [
    [{ ...source, argv: ["bun", "/x/tool.ts", "--daemon"] }, ["/usr/bin/bun", "/x/tool.ts"]],
    [
      { ...source, execArgv: ["--smol"], argv: ["bun", "/x/tool.ts", "-v", "--daemon", "--config", "a b"] },
      ["/usr/bin/bun", "--smol", "/x/tool.ts", "-v", "--config", "a b"],
    ],
    [
      { execPath: "/opt/d", execArgv: [], argv: ["bun", "/$bunfs/root/d", "--daemon", "--config=x"] },
      ["/opt/d", "--config=x"],
    ],
    [
      { execPath: "/opt/d", execArgv: [], argv: ["bun", "/$bunfs/root/d", "--daemon", "x", "--", "--daemon"] },
      ["/opt/d", "x", "--", "--daemon"],
    ],
  ] as const) {
    test(`of ${process.argv.slice(1).join(" ")} is ${command.join(" ")}`, () => {
      expect(commandAgain(process)).toEqual([...command]);
    });
  }
});
