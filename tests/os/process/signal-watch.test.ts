// What watching senders does to the process that watches: signals arrive as Bun delivers them, in source and compiled,
// under load, and where nothing can be compiled.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, linkSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tempDir } from "../../support/temp-dir.ts";
import { PROGRAMS, receiver, shell, spawn, WATCH } from "./signal-support.ts";

const UID = process.getuid?.() ?? 0;
const NO_JIT = "no handler in C: bun:ffi requires the JIT";

/** Sends `signal` and reports what was heard of it. */
async function sendAndHear(target: Awaited<ReturnType<typeof receiver>>, signal: string) {
  const sender = shell(signal, target.pid);
  return { sender: sender.pid, ...(await target.next()) };
}

describe("Bun's own handling", () => {
  test("every signal is heard, again and again, each with its sender", async () => {
    const watching = await receiver();
    expect(watching.failure).toBeNull();
    for (const signal of ["TERM", "TERM", "INT", "HUP", "USR2", "TERM"]) {
      const { heard, records, sender } = await sendAndHear(watching, signal);
      expect([heard, records.map(({ pid }) => pid)]).toEqual([`SIG${signal}`, [sender]]);
    }
  });

  test("a second listener added later leaves the watch in place", async () => {
    const { records, sender } = await sendAndHear(await receiver("second listener"), "TERM");
    expect(records.map(({ pid }) => pid)).toEqual([sender]);
  });

  test("a listener added after all were removed is heard, but the watch is gone: that is what the manual says", async () => {
    const { heard, fields } = await sendAndHear(await receiver("listener again"), "TERM");
    expect([heard, fields]).toEqual(["SIGTERM", { sent_by: "unknown: the signal left no record" }]);
  });

  test("with its last listener removed, a signal kills as it does by default", async () => {
    const { child, pid } = await receiver("no listener left");
    process.kill(pid, "SIGTERM");
    await child.exited;
    expect(child.signalCode).toBe("SIGTERM");
  });

  test("a signal without a listener keeps its default action, an ignored one stays ignored; both are named", async () => {
    const { child, pid, next, failure } = await receiver("no listener");
    expect(failure).toBe("SIGUSR1 has no handler, SIGPIPE has no handler");
    process.kill(pid, "SIGPIPE");
    process.kill(pid, "SIGHUP");
    expect((await next()).heard).toBe("SIGHUP");
    process.kill(pid, "SIGUSR1");
    await child.exited;
    expect(child.signalCode).toBe("SIGUSR1");
  });

  test("a child process has the default actions and none of our descriptors", async () => {
    const child = spawn([...WATCH, "child"]);
    const { caught, open } = await child.next<{ caught: string; open: string[] }>();
    expect(caught).toBe("0000000000000000");
    expect(open).toEqual(["0", "1", "2", "3"]); // the last is the directory being listed
  });
});

describe("many signals while the receiver makes garbage", () => {
  // Signals of one kind that are pending together are one: of a burst, few may be delivered.
  for (const [name, count, pause, atLeast] of [
    ["20,000 one after the other", 20_000, "", 1],
    // As many records as find room where nobody reads until all are sent: on a busy machine that may happen.
    ["1,500, 50 us apart", 1500, "select(undef, undef, undef, 0.00005);", 100],
  ] as const) {
    test(`${name}: each that was heard left a record, every record names the sender, and it works on`, async () => {
      // How many of them are one depends on when the receiver has its turn: a flood that was none on a busy machine is sent again.
      for (let most = 0; most < atLeast; ) {
        const { pid, next } = await receiver("flood");
        const script = `for (1..${count}) { kill USR2 => ${pid}; ${pause} } kill TERM => ${pid}; <STDIN>`;
        const sender = spawn(["perl", "-e", script]);
        const { heard, fields, flood } = await next();
        expect([heard, fields.sent_by]).toEqual(["SIGTERM", `perl(${sender.pid})`]);
        expect(flood.senders.map((text) => JSON.parse(text))).toEqual([
          expect.objectContaining({ signal: 12, code: 0, pid: sender.pid, uid: UID, state: "seen", name: "perl" }),
        ]);
        expect(flood.heard).toBeGreaterThan(0);
        expect(flood.taken).toBeGreaterThanOrEqual(flood.heard);
        most = flood.heard;
      }
    }, 180_000);
  }
});

describe("where it cannot be compiled or has nowhere to write", () => {
  test("without a JIT, the failure is one phrase and signals are heard as before", async () => {
    const watching = await receiver("", WATCH, { BUN_JSC_useJIT: "0" });
    expect(watching.failure).toBe(NO_JIT);
    for (const signal of ["TERM", "HUP", "TERM"]) {
      const { heard, records, fields } = await sendAndHear(watching, signal);
      expect([heard, records, fields]).toEqual([`SIG${signal}`, [], { sent_by: `unknown: ${NO_JIT}` }]);
    }
  });

  test("no directory for temporary files is needed", async () => {
    const nowhere = join(tempDir(), "none");
    const watching = await receiver("", WATCH, { TMPDIR: nowhere, BUN_TMPDIR: nowhere, TMP: nowhere, TEMP: nowhere });
    expect(watching.failure).toBeNull();
    expect((await sendAndHear(watching, "TERM")).fields.uid).toBe(UID);
  });
});

describe("a compiled executable", () => {
  const folder = mkdtempSync(join(tmpdir(), "labfleet-test-"));
  const program = join(folder, "signal-watch");

  beforeAll(() => {
    chmodSync(folder, 0o755);
    const source = join(PROGRAMS, "signal-watch.ts");
    const done = Bun.spawnSync([process.execPath, "build", "--compile", source, "--outfile", program], { cwd: folder });
    if (done.exitCode !== 0) throw new Error(`build failed: ${done.stderr.toString()}`);
  }, 180_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("knows the sender, with an empty environment too", async () => {
    for (const command of [[program], ["env", "-i", program]]) {
      const watching = await receiver("", command);
      const { fields, sender } = await sendAndHear(watching, "TERM");
      expect([watching.failure, fields.sent_by]).toEqual([null, `sh(${sender})`]);
    }
  });

  test.skipIf(UID !== 0)(
    "on a host with nothing but libc: no compiler, no headers, no libc.so (needs root)",
    async () => {
      const root = tempDir();
      const libraries = Bun.spawnSync(["ldd", program]).stdout.toString();
      for (const [, path = ""] of libraries.matchAll(/(\/\S+) \(/g)) cpSync(realpathSync(path), join(root, path));
      for (const name of ["proc", "tmp"]) mkdirSync(join(root, name));
      linkSync(program, join(root, "program"));
      const enter = 'mount -t proc proc "$1/proc" && exec chroot "$1" /program';
      const watching = await receiver("", ["unshare", "--mount", "sh", "-c", enter, "sh", root]);
      const { fields, sender } = await sendAndHear(watching, "TERM");
      expect([watching.failure, fields.sent_by]).toEqual([null, `sh(${sender})`]);
    },
  );

  test.skipIf(UID !== 0)("whose user may not see other processes says unreadable, not gone (needs root)", async () => {
    // As under ProtectProc=invisible: proc(5), hidepid.
    const hide =
      'mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"';
    const watching = await receiver("", ["unshare", "--mount", "sh", "-c", hide, "sh", program]);
    const { records, fields, sender } = await sendAndHear(watching, "TERM");
    expect(records[0]).toMatchObject({ state: "unreadable", name: null });
    expect(fields).toEqual({ sent_by: `unreadable(${sender})`, uid: 0 });
  });
});

test("the C source says where its records end as the reader expects: both name the same words", () => {
  const c = readFileSync(join(import.meta.dir, "../../../lib/os/process/signal-sender.c"), "utf8");
  const words = /enum \{ (SIZE.*), WORDS \}/.exec(c)?.[1]?.toLowerCase().split(", ");
  const ts = readFileSync(join(import.meta.dir, "../../../lib/core/linux/sender.ts"), "utf8");
  const head = [...(/const HEAD = \{(.*?)\}/s.exec(ts)?.[1]?.matchAll(/(\w+): (\d+),/g) ?? [])];
  const names = head.map(([, name]) => name?.replace(/[A-Z]/, (capital) => `_${capital.toLowerCase()}`));
  expect(names.map((name) => name?.replace("login_uid", "loginuid"))).toEqual(words ?? []);
  expect(head.map(([, , index]) => Number(index))).toEqual(names.map((_, index) => index));
});
