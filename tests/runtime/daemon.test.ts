// The life of a daemon as systemd sees it: a real process, real signals, real datagrams.

import { describe, expect, onTestFinished, test } from "bun:test";
import { join } from "node:path";
import { lineReader } from "../support/lines.ts";
import { tempDir } from "../support/temp-dir.ts";

const PROGRAM = join(import.meta.dir, "../fixtures/programs/daemon.ts");
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(65536).decode(), flush=True)
`;

/** Starts the daemon; with `env` under a notify socket. */
function start(mode: string, env: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, PROGRAM, mode], {
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NOTIFY_SOCKET: "", WATCHDOG_USEC: "", WATCHDOG_PID: "", ...env },
  });
  onTestFinished(() => child.kill("SIGKILL"));
  const nextLine = lineReader(child.stdout);
  const until = async (text: string): Promise<string[]> => {
    const lines: string[] = [];
    for (let line = await nextLine(); line !== null; line = await nextLine()) {
      lines.push(line);
      if (line.includes(text)) return lines;
    }
    throw new Error(`the daemon ended without "${text}": ${lines.join("\n")}\n${await child.stderr.text()}`);
  };
  const rest = async (): Promise<string[]> => {
    const lines: string[] = [];
    for (let line = await nextLine(); line !== null; line = await nextLine()) lines.push(line);
    return lines;
  };
  return { child, until, rest };
}

async function notifySocket() {
  const path = join(tempDir(), "notify");
  const receiver = Bun.spawn(["python3", "-c", RECEIVER, path], { stdout: "pipe" });
  onTestFinished(() => receiver.kill());
  const next = lineReader(receiver.stdout);
  expect(await next()).toBe("bound");
  return { path, next };
}

const withoutTimes = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/\+\d+\.\d\ds/, "+X.XXs"));

describe("a daemon", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`on ${signal} drains phase by phase, says each, and exits 0`, async () => {
      const { child, until, rest } = start("plain");
      await until("working");
      child.kill(signal);
      expect(withoutTimes(await rest())).toEqual([
        `<6>stopping: ${signal}, at most 1min`,
        "<6>stopping: first begins at=+X.XXs",
        "<6>stopping: first done at=+X.XXs",
        "<6>stopping: second begins at=+X.XXs",
        "<6>stopping: second done at=+X.XXs",
        `<6>stopped: ${signal} total=+X.XXs`,
      ]);
      expect(await child.exited).toBe(0);
    });
  }

  test("on a second signal quits at once, says which came first, and exits 3", async () => {
    const { child, until, rest } = start("hangs");
    await until("working");
    child.kill("SIGTERM");
    await until("second begins");
    child.kill("SIGINT");
    expect((await rest()).join()).toContain("SIGINT during the stop after SIGTERM: quitting at once");
    expect(await child.exited).toBe(3);
  });

  test("whose stop takes longer than its budget quits by itself and exits 3", async () => {
    const { child, until, rest } = start("overdue");
    await until("working");
    child.kill("SIGTERM");
    expect((await rest()).at(-1)).toStartWith("<3>the stop took longer");
    expect(await child.exited).toBe(3);
  });

  test("that loses its ground drains all the same, then exits 70 with the stack", async () => {
    const { child, rest } = start("fails");
    const lines = await rest();
    expect(lines.some((line) => line.includes("second done"))).toBe(true);
    expect(await child.exited).toBe(70);
    const said = await child.stderr.text();
    expect(said).toContain("lost the ground");
    expect(said).toContain("    at ");
  });

  test("that cannot start says so, exits 2, and never was ready", async () => {
    const { path, next } = await notifySocket();
    const { child } = start("refuses", { NOTIFY_SOCKET: path });
    expect(await child.exited).toBe(2);
    expect(await child.stderr.text()).toBe("d: cannot start\nd: fix: mend it\n");
    const other = start("plain", { NOTIFY_SOCKET: path });
    await other.until("working");
    expect(await next()).toBe("STATUS=2 to ship"); // the first thing that was ever sent
  });
});

describe("under systemd", () => {
  test("a daemon tells status, ready, stopping, in that order, and leaves its children none of it", async () => {
    const { path, next } = await notifySocket();
    const { child, until } = start("plain", { NOTIFY_SOCKET: path, WATCHDOG_PID: "1", WATCHDOG_USEC: "50000" });
    expect(await until("working")).toContain("children see 0");
    expect([await next(), await next()]).toEqual(["STATUS=2 to ship", "READY=1"]);
    child.kill("SIGTERM");
    expect([await next(), await next()]).toEqual(["STOPPING=1", "STATUS=stopping: SIGTERM"]);
    expect(await child.exited).toBe(0);
  });

  test("the watchdog is fed while nothing is stuck", async () => {
    const { path, next } = await notifySocket();
    start("plain", { NOTIFY_SOCKET: path, WATCHDOG_USEC: "20000" });
    const got: string[] = [];
    while (got.filter((message) => message === "WATCHDOG=1").length < 5) got.push((await next()) ?? "");
    expect(got).toContain("READY=1");
  });

  test("the watchdog is not fed while work stands still, and the log says which work, once", async () => {
    const { path, next } = await notifySocket();
    const { child, until, rest } = start("stuck", { NOTIFY_SOCKET: path, WATCHDOG_USEC: "20000" });
    const line = (await until("has not moved")).at(-1);
    expect(line).toStartWith("<3>packing of ep has not moved for");
    child.kill("SIGTERM");
    expect((await rest()).filter((said) => said.includes("has not moved"))).toEqual([]);
    const got: string[] = [];
    while (got.at(-1) !== "STATUS=stopping: SIGTERM") got.push((await next()) ?? "");
    // One when the daemon began, before there was any work; none after.
    expect(got.filter((message) => message === "WATCHDOG=1").length).toBe(1);
  });
});
