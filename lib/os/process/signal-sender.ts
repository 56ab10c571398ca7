// Who sent a signal: a small C handler in front of Bun's own asks the kernel, while the sender may still be there.
// Where it cannot be compiled, that is said, and signals work as they would without it.

import { cc, dlopen, FFIType, type Library, ptr } from "bun:ffi";
import { closeSync, readSync, writeSync } from "node:fs";
import { errorText } from "../../core/failure.ts";
import { parseRecords, type SignalRecord } from "../../core/linux/sender.ts";
import { signalName } from "../../core/linux/signals.ts";
import source from "./signal-sender.c" with { type: "text" };

export interface SenderWatch {
  /** Every signal since the last call, oldest first; empty where the watch failed. Never throws. */
  take(): SignalRecord[];
  /** Why senders are not known, in one phrase, or null. */
  readonly failure: string | null;
}

const SYMBOLS = {
  open_notes: { args: [FFIType.ptr], returns: FFIType.i32 },
  watch: { args: [FFIType.i32], returns: FFIType.i32 },
} as const;

/** What the C source calls, in the order of its table. Only their addresses are used: nothing is called from here. */
const LIBC = ["sigaction", "pipe2", "fcntl", "openat", "read", "write", "close", "kill", "raise", "__errno_location"];

const MFD_CLOEXEC = 1;

/** Compiled code is freed with its library, and the kernel goes on calling it: kept for good. */
const kept: Library<typeof SYMBOLS>[] = [];

/**
 * Watches who sends these signals (numbers of signal(7)), until the process ends; see lib/os/process/signal-sender.c. Signals
 * are delivered to Bun's listeners as before.
 *
 * To be called once, after `process.on()` of each: a signal without a listener is left alone and named in `failure`.
 * The first listener of a signal makes Bun install its handler: removing all of them and adding one again takes the
 * watch away. Further listeners do not.
 *
 * A sender is looked up when the signal is delivered. One that ends at once, such as pkill, may be gone by then, the
 * more often the busier the host is; one that has called exec(3) bears its new name. Its pid and uid are the kernel's
 * and always right.
 */
export function watchSenders(signals: readonly number[]): SenderWatch {
  try {
    const functions = addresses();
    const library = compile();
    kept.push(library);
    const fd = library.symbols.open_notes(functions);
    if (fd < 0) throw new Error(`no pipe for its notes: errno ${-fd}`);
    const failures = signals.flatMap((signal) => {
      const refused = library.symbols.watch(signal);
      if (refused === 0) return [];
      return `${signalName(signal)} ${refused > 0 ? "has no handler" : `cannot be watched: errno ${-refused}`}`;
    });
    return { take: reader(fd), failure: failures.length === 0 ? null : failures.join(", ") };
  } catch (error) {
    const why = errorText(error)
      .trim()
      .replace(/\s*\n\s*/g, "; ");
    return { take: () => [], failure: `no handler in C: ${why}` };
  }
}

/**
 * Addresses of libc's functions. The compiler could look for them by itself, but then it wants a `libc.so` to link with,
 * which only hosts with a compiler have.
 */
function addresses(): BigUint64Array {
  const { symbols } = dlopen("libc.so.6", Object.fromEntries(LIBC.map((name) => [name, { returns: FFIType.void }])));
  const found = LIBC.map((name) => {
    const address: unknown = Reflect.get(symbols[name] ?? {}, "ptr");
    // A wrong address would be jumped to: one that cannot be right is refused.
    if (typeof address !== "number" || !Number.isSafeInteger(address) || address < 65_536) {
      throw new Error(`Bun does not tell where ${name} of libc is`);
    }
    return BigInt(address);
  });
  return new BigUint64Array(found);
}

/** The compiler reads a file. It is one in memory, so that no directory need be writable or trusted (memfd_create(2)). */
function compile(): Library<typeof SYMBOLS> {
  const { symbols: libc, close } = dlopen("libc.so.6", {
    memfd_create: { args: [FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  });
  const fd = libc.memfd_create(ptr(Buffer.from("signal-sender\0")), MFD_CLOEXEC);
  close();
  if (fd < 0) throw new Error("no file in memory for its source");
  try {
    writeSync(fd, source);
    return cc({ source: `/proc/self/fd/${fd}`, symbols: SYMBOLS, flags: ["-nostdlib"] });
  } finally {
    closeSync(fd);
  }
}

/** Empties the pipe. A read may end within a record: what is left waits for the next one. */
function reader(fd: number): () => SignalRecord[] {
  const chunk = new Uint8Array(65_536);
  return () => {
    const records: SignalRecord[] = [];
    let rest = new Uint8Array(0);
    for (;;) {
      const count = readNow(fd, chunk);
      if (count === 0) return records;
      const bytes = new Uint8Array(rest.length + count);
      bytes.set(rest);
      bytes.set(chunk.subarray(0, count), rest.length);
      const parsed = parseRecords(bytes);
      records.push(...parsed.records);
      rest = new Uint8Array(parsed.rest);
    }
  };
}

/** Bytes read, 0 when there are none now. */
function readNow(fd: number, into: Uint8Array): number {
  try {
    return readSync(fd, into);
  } catch {
    return 0; // EAGAIN: the pipe is empty
  }
}
