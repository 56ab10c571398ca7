// A daemon under the clock: when it said READY, and when it had nothing left to do.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cpuSeconds } from "../measure.ts";

/** What the service manager is to a daemon: a socket. Bun has no datagrams of that kind. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    if b"READY=1" in s.recv(65536): print("READY", flush=True)
`;

/** It is warm once it uses less than this share of a processor for half a second. */
const IDLE_SHARE = 0.15;
const LOOK_MS = 100;
const IDLE_LOOKS = 5;
const LIMIT_MS = 600_000;

export interface Started {
  pid: number;
  readyS: number;
  /** Seconds since its start. */
  sinceS(): number;
  /** Resolves with the seconds from its start until it had nothing left to do. */
  warm(): Promise<number>;
  rssMiB(): number;
  /** All that it wrote so far, bytes: /proc/<pid>/io. */
  written(): number;
  /** What it said so far. */
  said(): string;
  stop(): Promise<void>;
}

const living = new Set<{ kill(signal?: NodeJS.Signals): void }>();

/** Ends what still runs, when the bench itself is ended. */
export function killAll(): void {
  for (const child of living) child.kill("SIGKILL");
}

export async function start(argv: string[], home: string): Promise<Started> {
  const socket = join(home, "notify.sock");
  rmSync(socket, { force: true });
  const listener = Bun.spawn(["python3", "-c", LISTENER, socket], { stdout: "pipe" });
  living.add(listener);
  const heard = words(listener.stdout.getReader());
  await heard("bound");
  const log = join(home, "daemon.log");
  const began = performance.now();
  const child = Bun.spawn(argv, {
    env: { ...process.env, NOTIFY_SOCKET: socket },
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(log),
  });
  living.add(child);
  const sinceS = (): number => (performance.now() - began) / 1000;
  const said = (): string => readFileSync(log, "utf8");
  const ended = child.exited.then((code) => {
    throw new Error(`${argv.join(" ")} ended with ${code}: ${said().slice(-2000)}`);
  });
  ended.catch(() => undefined);
  await Promise.race([heard("READY"), ended]);
  const readyS = sinceS();
  const status = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]);
  return {
    pid: child.pid,
    readyS,
    sinceS,
    warm: () => untilIdle(child.pid, sinceS),
    rssMiB: () => status("VmRSS") / 1024,
    written: () => Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${child.pid}/io`, "utf8"))?.[1]),
    said,
    async stop() {
      child.kill("SIGTERM");
      const hard = setTimeout(() => child.kill("SIGKILL"), 60_000);
      await child.exited;
      clearTimeout(hard);
      listener.kill();
      living.delete(child);
      living.delete(listener);
    },
  };
}

/** Waits for a word of what comes. */
function words(reader: {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
}): (word: string) => Promise<void> {
  let text = "";
  return async (word) => {
    while (!text.includes(word)) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`nobody said ${word}`);
      text += new TextDecoder().decode(value);
    }
  };
}

async function untilIdle(pid: number, sinceS: () => number): Promise<number> {
  let idle = 0;
  let idleS = sinceS();
  let before = cpuSeconds(pid);
  for (const limit = performance.now() + LIMIT_MS; performance.now() < limit; ) {
    const at = performance.now();
    await Bun.sleep(LOOK_MS);
    const now = cpuSeconds(pid);
    const share = (now - before) / ((performance.now() - at) / 1000);
    before = now;
    if (share > IDLE_SHARE) {
      idle = 0;
      idleS = sinceS();
    } else if (++idle === IDLE_LOOKS) return idleS;
  }
  throw new Error(`process ${pid} did not come to rest`);
}
