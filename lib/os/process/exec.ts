// Runs a command that may not hang, flood or outlive us: a deadline, a bounded answer, a small environment of its own.

import { errorText } from "../../core/failure.ts";

/** Bytes of standard error that are kept; the rest is read and dropped. */
const STDERR_BYTES = 16 * 1024;
const DEFAULT_BYTES = 1024 * 1024;
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** They name our own socket and watchdog; a child that used them would speak for us (sd_notify(3)). */
const NOT_FOR_CHILDREN = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

export interface RunOptions {
  /** The command and all it started are killed after so long, milliseconds, 1 to 2^31-1. */
  timeoutMs: number;
  /** Standard output beyond this many bytes ends the command; 1 MiB if left out. */
  maxBytes?: number;
  /** Variables besides PATH and LC_ALL; the command inherits no others. */
  env?: Readonly<Record<string, string | undefined>>;
  /** What stands in its standard input; nothing if left out. */
  input?: string;
}

/** `why` is a sentence: not found, killed by a signal, too slow, too much output. */
export type RunResult =
  | { kind: "exited"; code: number; stdout: string; stderr: string }
  | { kind: "failed"; why: string };

/**
 * Runs a command to its end, from `/`, with a standard input that ends. Never throws.
 * The command is over when its first process is: what that left behind in its process group (setpgid(2)) is killed
 * then, and at the deadline. A process that moved to a group of its own survives, but keeps nobody waiting beyond the
 * deadline, not even while it holds the pipe.
 * @param command a name on PATH or an absolute path, then its arguments
 */
export async function run(command: readonly string[], options: RunOptions): Promise<RunResult> {
  const { timeoutMs, maxBytes = DEFAULT_BYTES, env = {}, input = "" } = options;
  const name = command[0] ?? "";
  let child: Child;
  try {
    child = start(command, env, input);
  } catch (error) {
    return { kind: "failed", why: `cannot start ${JSON.stringify(name)}: ${errorText(error)}` };
  }
  const enough = Promise.withResolvers<void>();
  const stdout = new BoundedText(child.stdout, maxBytes, enough.resolve);
  const stderr = new BoundedText(child.stderr, STDERR_BYTES, () => {});
  const deadline = setTimeout(enough.resolve, timeoutMs);
  const exited = child.exited.then(() => killGroup(child.pid));
  await Promise.race([Promise.all([exited, stdout.ended, stderr.ended]), enough.promise]);
  clearTimeout(deadline);
  const result = outcome(name, child, stdout, stderr, options);
  // Something may still run, hold a pipe or be stuck in the kernel: none of it may hold us.
  if (child.exitCode === null && child.signalCode === null) killGroup(child.pid);
  child.unref();
  stdout.close();
  stderr.close();
  return result;
}

type Child = Bun.Subprocess<Buffer | "ignore", "pipe", "pipe">;

function start(command: readonly string[], env: Readonly<Record<string, string | undefined>>, input: string): Child {
  const all: Record<string, string | undefined> = { LC_ALL: "C.UTF-8", PATH: process.env.PATH, ...env };
  if (all.PATH === undefined || all.PATH === "") all.PATH = DEFAULT_PATH;
  for (const name of NOT_FOR_CHILDREN) delete all[name];
  return Bun.spawn([...command], {
    cwd: "/",
    env: all,
    // A session and a process group of its own (setsid(2)): one kill reaches all of it, and no terminal does.
    detached: true,
    stdin: input === "" ? "ignore" : Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
  });
}

function outcome(
  name: string,
  child: Child,
  stdout: BoundedText,
  stderr: BoundedText,
  { timeoutMs, maxBytes = DEFAULT_BYTES }: RunOptions,
): RunResult {
  if (stdout.overflown) return { kind: "failed", why: `${name} printed more than ${maxBytes} bytes and was killed` };
  if (child.signalCode !== null) return { kind: "failed", why: `${name} was ended by ${child.signalCode}` };
  if (child.exitCode === null)
    return { kind: "failed", why: `${name} did not end within ${timeoutMs / 1000} s and was killed` };
  return { kind: "exited", code: child.exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

/**
 * A group's number stays taken while it has members. Called before its first process is reaped or right after, so that
 * an empty group's number has not gone round to anybody else.
 */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
}

/** Reads a stream to its end and keeps its first bytes; reading on keeps the writer from blocking. */
class BoundedText {
  readonly ended: Promise<void>;
  overflown = false;
  readonly #chunks: Uint8Array[] = [];
  readonly #reader;
  #room: number;

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>, maxBytes: number, onOverflow: () => void) {
    this.#reader = stream.getReader();
    this.#room = maxBytes;
    this.ended = this.#read(onOverflow).catch(() => {});
  }

  async #read(onOverflow: () => void): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return;
      if (value.length > this.#room && !this.overflown) {
        this.overflown = true;
        onOverflow();
      }
      const kept = value.subarray(0, this.#room);
      this.#room -= kept.length;
      if (kept.length > 0) this.#chunks.push(kept);
    }
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }

  /** Lets go of the stream, whoever may still write to it. */
  close(): void {
    void this.#reader.cancel().catch(() => {});
  }
}
