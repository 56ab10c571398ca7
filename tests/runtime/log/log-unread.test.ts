// Whoever holds the other end of standard error and does not read it, or goes away, neither stops nor ends a program.

import { describe, expect, onTestFinished, test } from "bun:test";
import { join } from "node:path";
import { lineReader } from "../../support/lines.ts";

const PROGRAM = join(import.meta.dir, "../../fixtures/programs/log-on-demand.ts");

/** Holds the reading end of a program's standard error: reads it when told "read", closes it when told "hang up". */
const HOLDER = `
import os, pty, socket, subprocess, sys, threading
kind = sys.argv[1]
if kind == "pipe": mine, its = os.pipe()
elif kind == "socket":
    a, b = socket.socketpair()
    mine, its = a.detach(), b.detach()
else:
    mine, its = pty.openpty()
program = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stderr=its, start_new_session=True)
os.close(its)
def read():
    try:
        while data := os.read(mine, 65536): os.write(2, data)
    except OSError: pass
for line in sys.stdin:
    if line == "read\\n": threading.Thread(target=read, daemon=True).start()
    elif line == "hang up\\n": os.close(mine)
    else:
        program.stdin.write(line.encode())
        program.stdin.flush()
sys.exit(program.wait())
`;

/** Starts the program with its standard error held. */
async function start(kind: "pipe" | "socket" | "terminal") {
  const child = Bun.spawn(["python3", "-c", HOLDER, kind, process.execPath, PROGRAM], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NO_COLOR: "1", JOURNAL_STREAM: "" },
  });
  const next = lineReader(child.stdout);
  const pid = Number(await next());
  onTestFinished(() => {
    child.kill("SIGKILL");
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  });
  const tell = (line: string): void => {
    child.stdin.write(`${line}\n`);
    child.stdin.flush();
  };
  const ask = async (line: string): Promise<string | null> => {
    tell(line);
    return next();
  };
  return { child, pid, tell, ask, next, nextLogged: lineReader(child.stderr) };
}

for (const kind of ["pipe", "socket", "terminal"] as const) {
  describe(`standard error is a ${kind} that nobody reads`, () => {
    test("the program goes on, and once it is read, every line is there or counted", async () => {
      const { ask, tell, nextLogged, next, pid } = await start(kind);
      expect(await ask("flood 20000")).toBe("done flood");
      expect(await ask("ping")).toBe("done ping");
      process.kill(pid, "SIGUSR1");
      expect(await next()).toBe("handled");
      tell("read");
      // 20000 lines and the signal handler's, in order, or told as lost. A terminal may take some more in between.
      let told = 0;
      let lost = 0;
      while (told < 20_001) {
        const line = ((await nextLogged()) ?? "the end").trimEnd();
        const count = Number(/ (\d+) log lines? (?:was|were) lost: standard error was full$/.exec(line)?.[1] ?? 0);
        const expected = told < 20_000 ? ` line i=${told} text=${"x".repeat(80)}` : " from a signal handler";
        if (count === 0) expect(line).toEndWith(expected);
        lost += count;
        told += count === 0 ? 1 : count;
      }
      expect([told, lost > 0]).toEqual([20_001, true]);
      expect(await ask("flood 1")).toBe("done flood");
      expect(await nextLogged()).toContain("line i=0");
    });
  });

  describe(`standard error is a ${kind} whose reader has gone`, () => {
    test("the program goes on, and ends with its own exit code", async () => {
      const { ask, tell, child } = await start(kind);
      expect(await ask("flood 10")).toBe("done flood");
      tell("hang up");
      expect(await ask("flood 5000")).toBe("done flood");
      expect(await ask("long 200000")).toBe("done long");
      tell("exit 7");
      child.stdin.end();
      expect(await child.exited).toBe(7);
    });
  });
}
