// sd_notify: the very datagrams that systemd would read, received on a real socket by another program.

import { describe, expect, onTestFinished, test } from "bun:test";
import { join } from "node:path";
import { createNotifier } from "../../lib/os/notify.ts";
import { sendUnixDatagram } from "../../lib/os/socket-calls.ts";
import { lineReader } from "../support/lines.ts";
import { tempDir } from "../support/temp-dir.ts";

/** Binds a unix datagram socket and prints each datagram as hex. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\\0", 1) if sys.argv[1].startswith("@") else sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(65536).hex(), flush=True)
`;

async function socketAt(address: string): Promise<() => Promise<string>> {
  const child = Bun.spawn(["python3", "-c", RECEIVER, address], { stdout: "pipe" });
  onTestFinished(() => child.kill());
  const next = lineReader(child.stdout);
  expect(await next()).toBe("bound");
  return async () => Buffer.from((await next()) ?? "", "hex").toString();
}

describe("systemd is told", () => {
  for (const kind of ["a path", "an abstract name"] as const) {
    test(`the five verbs, byte for byte, at ${kind}`, async () => {
      const address = kind === "a path" ? join(tempDir(), "notify") : `@labfleet-test-${process.pid}-${Date.now()}`;
      const next = await socketAt(address);
      const notifier = createNotifier({ NOTIFY_SOCKET: address }, process.pid);
      notifier.ready();
      notifier.status("3 to ship");
      notifier.watchdog();
      notifier.stopping();
      const got = [await next(), await next(), await next(), await next()];
      expect(got).toEqual(["READY=1", "STATUS=3 to ship", "WATCHDOG=1", "STOPPING=1"]);
      expect(notifier.failure).toBeNull();
    });
  }

  test("a status only when it changed, and as one line that forges no other field", async () => {
    const address = join(tempDir(), "notify");
    const next = await socketAt(address);
    const notifier = createNotifier({ NOTIFY_SOCKET: address }, process.pid);
    for (const line of ["a", "a", "b\nREADY=1\r\n x", "b READY=1 x", "é"]) notifier.status(line);
    notifier.ready();
    expect([await next(), await next(), await next(), await next()]).toEqual([
      "STATUS=a",
      "STATUS=b READY=1 x",
      "STATUS=é",
      "READY=1",
    ]);
  });
});

describe("without systemd", () => {
  for (const address of [undefined, "", "relative/path", "vsock:2:1", "/", "@"]) {
    test(`nothing is sent to ${JSON.stringify(address)}, and nothing fails`, () => {
      const notifier = createNotifier(address === undefined ? {} : { NOTIFY_SOCKET: address }, 1);
      notifier.ready();
      expect(notifier.failure).toBeNull();
    });
  }

  test("a socket that nobody reads is a failure that can be told, and none that is thrown", () => {
    const notifier = createNotifier({ NOTIFY_SOCKET: join(tempDir(), "none") }, 1);
    notifier.ready();
    expect(notifier.failure).toContain("cannot notify systemd at");
  });

  test("an address that no socket can have is refused and not cut", () => {
    expect(sendUnixDatagram(`/${"x".repeat(107)}`, "READY=1")).toBe(36);
    expect(sendUnixDatagram(`/${"x".repeat(106)}`, "READY=1")).not.toBe(36);
  });
});

describe("the environment", () => {
  test("loses what no child may inherit, and nothing else", () => {
    const env = { NOTIFY_SOCKET: "", WATCHDOG_USEC: "1", WATCHDOG_PID: "1", PATH: "/bin" };
    createNotifier(env, 1);
    expect<object>(env).toEqual({ PATH: "/bin" });
  });

  for (const [env, everyMs] of [
    [{ WATCHDOG_USEC: "30000000" }, 15_000],
    [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "77" }, 15_000],
    [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "" }, 15_000],
    [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "78" }, null],
    [{ WATCHDOG_PID: "77" }, null],
    [{ WATCHDOG_USEC: "0" }, null],
    [{ WATCHDOG_USEC: "-5" }, null],
    [{ WATCHDOG_USEC: "soon" }, null],
    [{}, null],
  ] as const) {
    test(`of ${JSON.stringify(env)} asks process 77 for a sign of life every ${everyMs} ms`, () => {
      expect(createNotifier({ ...env }, 77).watchdogEveryMs).toBe(everyMs);
    });
  }
});
