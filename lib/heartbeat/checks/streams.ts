// What a check prints: the first bytes of a stream are kept, the rest is read and counted. A pipe holds 64 KiB, so nobody
// has to read before the check's end but where it prints more, and then at our pace: one that floods waits for us.

import { closeSync, constants, openSync, readSync } from "node:fs";
import { errorCode } from "../../core/failure.ts";
import { cutUtf8 } from "../../core/text/utf8.ts";
import { openPipe } from "../../os/file-calls.ts";
import { CHECK_TIMING_MS } from "./timing.ts";

/** Tells a character that ends at the limit from one that is cut by it. */
const LOOKAHEAD_BYTES = 1;
/** What nearly every check prints fits in so much. */
const SMALLEST_BYTES = 1024;
/** Reads of a whole pipe in one go. */
const READS = 4;
const CHUNK = Buffer.alloc(65_536);

export interface Kept {
  bytes: Uint8Array;
  /** Bytes that were read and not kept. */
  dropped: number;
}

/**
 * One output of a check. A real pipe: what Bun.spawn calls one is a socket, and a check that opens /dev/stderr would fail.
 */
export class KeptStream {
  /** The check's end, until `started`. */
  readonly writeEnd: number;
  hasEnded = false;
  readonly #fd: number;
  #bytes = new Uint8Array();
  #held = 0;
  #total = 0;

  /** @throws Error without descriptors */
  constructor(private readonly keepBytes: number) {
    const { read, write } = openPipe();
    this.writeEnd = write;
    // Opened anew it has flags of its own: our end does not wait, the check's does.
    try {
      this.#fd = openSync(`/proc/self/fd/${read}`, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      closeSync(write);
      throw error;
    } finally {
      closeSync(read);
    }
  }

  /** The check has its own copy of its end, or never will. */
  started(): void {
    closeSync(this.writeEnd);
  }

  /** Takes what there is, without waiting. @returns whether there was something */
  take(): boolean {
    const before = this.#total;
    for (let i = 0; i < READS && !this.hasEnded; i++) {
      const length = this.#read();
      if (length === null) break;
      this.hasEnded = length === 0;
      this.#keep(CHUNK.subarray(0, length));
    }
    return this.#total > before;
  }

  #read(): number | null {
    try {
      return readSync(this.#fd, CHUNK);
    } catch (error) {
      // A stream that breaks has nothing more to say.
      return errorCode(error) === "EAGAIN" ? null : 0;
    }
  }

  #keep(chunk: Uint8Array): void {
    const room = Math.min(chunk.length, this.keepBytes + LOOKAHEAD_BYTES - this.#held);
    if (room > 0) {
      this.#makeRoom(this.#held + room);
      this.#bytes.set(chunk.subarray(0, room), this.#held);
      this.#held += room;
    }
    this.#total += chunk.length;
  }

  /** One buffer that grows: a flood fills it with its first read, and costs no more memory after that. */
  #makeRoom(size: number): void {
    if (size <= this.#bytes.length) return;
    const most = this.keepBytes + LOOKAHEAD_BYTES;
    const grown = new Uint8Array(Math.min(most, Math.max(size, 2 * this.#bytes.length, SMALLEST_BYTES)));
    grown.set(this.#bytes.subarray(0, this.#held));
    this.#bytes = grown;
  }

  /** What has come so far; a character is kept whole or not at all. */
  kept(): Kept {
    const bytes = cutUtf8(this.#bytes.subarray(0, this.#held), this.keepBytes);
    return { bytes, dropped: this.#total - bytes.length };
  }

  /** Lets go of the stream, whoever may still write to it: they get SIGPIPE. */
  close(): void {
    closeSync(this.#fd);
  }
}

/** The shortest and the longest pause between two looks at the outputs, milliseconds. */
const PACE_MS = { shortest: 10, longest: 80 };

/** Both outputs of a check. */
export class KeptStreams {
  readonly stdout: KeptStream;
  readonly stderr: KeptStream;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** @throws Error without descriptors */
  constructor(keepBytes: number) {
    this.stdout = new KeptStream(keepBytes);
    try {
      this.stderr = new KeptStream(keepBytes);
    } catch (error) {
      this.stdout.started();
      this.stdout.close();
      throw error;
    }
  }

  started(): void {
    this.stdout.started();
    this.stderr.started();
  }

  /** Takes what comes until `close`: often while there is something, else seldom. */
  follow(pauseMs = PACE_MS.shortest): void {
    this.#timer = setTimeout(() => {
      const some = this.#take();
      this.follow(some ? PACE_MS.shortest : Math.min(2 * pauseMs, PACE_MS.longest));
    }, pauseMs);
  }

  #take(): boolean {
    const [out, err] = [this.stdout.take(), this.stderr.take()];
    return out || err;
  }

  /** Takes the rest. @returns whether both came to their end in time */
  async drain(ms: number): Promise<boolean> {
    const until = performance.now() + ms;
    for (;;) {
      const some = this.#take();
      if (this.stdout.hasEnded && this.stderr.hasEnded) return true;
      if (performance.now() > until) return false;
      await Bun.sleep(some ? 0 : CHECK_TIMING_MS.look);
    }
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.stdout.close();
    this.stderr.close();
  }
}
