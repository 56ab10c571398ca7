// Who sent a signal, with real processes and real signals: senders that are there, that are gone, that pretend.

import { describe, expect, onTestFinished, test } from "bun:test";
import { copyFileSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../support/temp-dir.ts";
import { KILL_AND_STAY, PROGRAMS, type Ready, receiver, shell, spawn, WATCH } from "./signal-support.ts";

const UID = process.getuid?.() ?? 0;
const OWN_NAME = readFileSync("/proc/self/comm", "utf8").trim();
const asRoot = (name: string): string => (UID === 0 ? name : `${name} (skipped: needs root)`);

describe("a sender that is still there", () => {
  test("a shell's kill: its pid, name, uid, start and parent", async () => {
    const { next, pid } = await receiver();
    const sender = shell("TERM", pid);
    const { heard, records, fields } = await next();
    const stat = readFileSync(`/proc/${sender.pid}/stat`, "utf8").split(" ");
    const login = Number(readFileSync("/proc/self/loginuid", "utf8"));
    expect(heard).toBe("SIGTERM");
    expect(records).toEqual([
      {
        ...{ signal: 15, code: 0, pid: sender.pid, uid: UID, state: "seen", name: "sh" },
        ...{ startTicks: Number(stat[21]), parentPid: process.pid, parentName: OWN_NAME },
        cgroup: /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? null,
        loginUid: login === 4294967295 ? null : login,
      },
    ]);
    expect(fields).toMatchObject({ sent_by: `sh(${sender.pid})`, uid: UID, parent: `${OWN_NAME}(${process.pid})` });
  });

  test("pkill, also when it has ended but nobody has reaped it yet", async () => {
    const { next, pid } = await receiver();
    const file = join(tempDir(), "pid");
    writeFileSync(file, String(pid));
    // The shell becomes a sleep, which reaps nothing.
    const parent = spawn(["sh", "-c", `pkill -HUP -F ${file} & echo $!; exec sleep 60`]);
    const pkill = await parent.next<number>();
    expect((await next()).fields).toMatchObject({ sent_by: `pkill(${pkill})`, uid: UID });
  });

  test("timeout, which hands on the signal that it got itself", async () => {
    const sender = spawn(["timeout", "60", ...WATCH]);
    const { ready } = await sender.next<Ready>();
    onTestFinished(() => void process.kill(ready, "SIGKILL"));
    process.kill(sender.pid, "SIGTERM");
    expect((await sender.next()).fields).toMatchObject({ sent_by: `timeout(${sender.pid})`, uid: UID });
  });

  test("this process itself", async () => {
    const { next } = await receiver("itself");
    expect((await next()).fields).toEqual({ sent_by: "itself" });
  });

  test("a terminal's ^C: nobody but the kernel", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    let lines: string[] = [];
    const data = (terminal: Bun.Terminal, bytes: Uint8Array): void => {
      const before = lines.length;
      lines = (lines.join("\r\n") + Buffer.from(bytes).toString()).split("\r\n");
      if (before < 2 && lines.length === 2) terminal.write("\x03");
      if (lines.length === 3) resolve(lines[1] ?? "");
    };
    const child = Bun.spawn([...WATCH, ""], { terminal: { data } });
    onTestFinished(() => child.kill("SIGKILL"));
    const line = (await promise).replace("^C", "");
    expect(JSON.parse(line)).toMatchObject({ heard: "SIGINT", fields: { sent_by: "kernel (terminal)" } });
  });

  for (const [name, shown] of [
    ["systemd(1)", "systemd_1_"],
    ["x sent_by=root\n", "x_sent_by_root_"],
    ["gone", "gone_"],
  ] as const) {
    test(`one that calls itself ${JSON.stringify(name)} is ${shown} with its own pid`, async () => {
      const { next, pid } = await receiver();
      const program = join(tempDir(), name);
      copyFileSync(realpathSync("/bin/sh"), program);
      const sender = spawn([program, "-c", KILL_AND_STAY, "sh", "TERM", String(pid)]);
      const { records, fields } = await next();
      expect(records[0]).toMatchObject({ name, pid: sender.pid, parentPid: process.pid });
      expect(fields.sent_by).toBe(`${shown}(${sender.pid})`);
    });
  }

  test.skipIf(UID !== 0)(asRoot("another user: the uid is the sender's"), async () => {
    const { next, pid } = await receiver();
    const rights = ["--inh-caps", "+kill", "--ambient-caps", "+kill"];
    const sender = shell("TERM", pid, "setpriv", "--reuid", "65534", "--clear-groups", ...rights);
    expect((await next()).fields).toMatchObject({ sent_by: `sh(${sender.pid})`, uid: 65534 });
  });

  test.skipIf(UID !== 0)(asRoot("a login: who logged in is known, whoever the sender has become"), async () => {
    const { next, pid } = await receiver();
    const login = ["sh", "-c", 'echo 1234 > /proc/self/loginuid; exec "$@"', "sh"];
    const sender = shell("TERM", pid, ...login);
    expect((await next()).fields).toMatchObject({ sent_by: `sh(${sender.pid})`, uid: 0, loginuid: 1234 });
  });
});

describe("a sender that cannot be named", () => {
  test("gone before the signal was delivered: pid and uid are known, and it is said", async () => {
    const { next, pid } = await receiver();
    process.kill(pid, "SIGSTOP");
    const sender = spawn(["sh", "-c", `kill -TERM ${pid}`]);
    expect(await sender.child.exited).toBe(0);
    process.kill(pid, "SIGCONT");
    const { records, fields } = await next();
    expect(records[0]).toMatchObject({ pid: sender.pid, uid: UID, state: "gone", name: null, parentPid: null });
    expect(fields).toEqual({ sent_by: `gone(${sender.pid})`, uid: UID });
  });

  test("one that names another process: said to be its own word only", async () => {
    const { next, pid } = await receiver();
    spawn([process.execPath, join(PROGRAMS, "signal-spoof.ts"), String(pid), "15", "1", "1234"]);
    const { records, fields } = await next();
    expect(records[0]).toMatchObject({ code: -1, pid: 1, uid: 1234 });
    expect(fields.sent_by).toBe(`${readFileSync("/proc/1/comm", "utf8").trim()}(1), by its own word`);
  });

  test.skipIf(UID !== 0)(asRoot("one outside this pid namespace"), async () => {
    const { next, child } = await receiver("", ["unshare", "--fork", "--pid", "--mount-proc", ...WATCH]);
    const inner = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8"));
    onTestFinished(() => void process.kill(inner, "SIGKILL"));
    process.kill(inner, "SIGTERM");
    expect((await next()).fields).toEqual({ sent_by: "a process outside this container", uid: 0 });
  });
});
