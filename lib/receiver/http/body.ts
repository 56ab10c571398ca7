// A request body that is taken chunk by chunk. Between two takes nothing more is read from the connection, so that a
// slow disk slows the sender and not our memory; the time in which we waited for the sender is what its rate is judged by.

import type { Head } from "./head.ts";
import type { Source } from "./source.ts";

/** `gone`: the sender vanished; `slow`: it was below the minimum rate; `stopped`: we are stopping. */
export type BodyEnd = "end" | "gone" | "slow" | "stopped";

export interface UploadBody {
  /** The next bytes, or how the body ended. One call at a time. */
  read(): Promise<Uint8Array | BodyEnd>;
}

export interface RateRule {
  /** Least rate in bytes per second of waiting. */
  minBytesPerS: number;
  /** Seconds of waiting over which it is measured. */
  windowS: number;
}

/** Judges a sender by what came while we were ready to read. Pure: the times are arguments, in milliseconds. */
export class RateWatch {
  private waitedMs = 0;
  private bytes = 0;
  /** True once a whole window of waiting brought less than the rule asks. */
  tooSlow = false;

  constructor(private readonly rule: RateRule) {}

  /** Milliseconds of waiting until the window ends. */
  get leftMs(): number {
    return Math.max(0, this.rule.windowS * 1000 - this.waitedMs);
  }

  received(bytes: number): void {
    this.bytes += bytes;
  }

  waited(ms: number): void {
    this.waitedMs += ms;
    if (this.leftMs > 0) return;
    this.tooSlow ||= this.bytes < this.rule.minBytesPerS * this.rule.windowS;
    this.waitedMs = 0;
    this.bytes = 0;
  }
}

/** A body that came over a connection, with the verbs that its adapter needs. */
export interface WireBody extends UploadBody {
  /** Bytes that were not read from the connection; `unknown`: it did not come to its end, or nobody knows where that is. */
  readonly left: number | "unknown";
  /** True once it was asked for. */
  readonly asked: boolean;
  /** Ends a read that waits, and all later ones. */
  stop(why: BodyEnd): void;
}

export interface WireBodyOptions {
  rate: RateRule;
  /** Bytes that it has; `unknown`: it is not read here. */
  length: Head["length"];
  /** Called before anything is waited for: the place to send `100 Continue`. */
  onFirstRead: () => void;
}

/** The body of a request that stands on a connection. Nothing of it is read before the first `read`. */
export function wireBody(source: Source, { rate, length, onFirstRead }: WireBodyOptions): WireBody {
  const watch = new RateWatch(rate);
  let left = length === "unknown" ? 0 : (length ?? 0);
  let ended: BodyEnd | null = length === "unknown" ? "gone" : null;
  let wake: (() => void) | null = null;
  let started = false;
  const take = (): Uint8Array | null => {
    const found = source.poll();
    if (found === null) return null;
    if (!(found instanceof Uint8Array)) {
      ended ??= "gone";
      return null;
    }
    if (found.length > left) source.putBack(found.subarray(left));
    const chunk = found.length > left ? found.subarray(0, left) : found;
    left -= chunk.length;
    watch.received(chunk.length);
    return chunk;
  };
  return {
    get left() {
      return ended === null || ended === "end" ? left : "unknown";
    },
    get asked() {
      return started;
    },
    stop(why) {
      ended ??= why;
      wake?.();
    },
    async read() {
      if (ended === null && left === 0) ended = "end";
      if (ended !== null) return ended;
      if (!started) onFirstRead();
      started = true;
      const chunk = take();
      if (chunk !== null) return chunk;
      if (ended === null) {
        await waitForMore(watch, (resume) => {
          wake = resume;
          source.ready(resume);
        });
        wake = null;
        if (watch.tooSlow) ended ??= "slow";
      }
      return ended ?? take() ?? ended ?? "gone";
    },
  };
}

/** Waits until woken, or until the sender was too slow for a whole window. */
function waitForMore(watch: RateWatch, begin: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    let since = performance.now();
    let timer: ReturnType<typeof setTimeout>;
    const note = (): void => {
      const now = performance.now();
      watch.waited(now - since);
      since = now;
    };
    const arm = (): void => {
      timer = setTimeout(
        () => {
          note();
          if (watch.tooSlow) resolve();
          else arm();
        },
        Math.max(watch.leftMs, 1),
      );
    };
    arm();
    begin(() => {
      clearTimeout(timer);
      note();
      resolve();
    });
  });
}

/** A body for handlers that are called without a connection, as tests do. */
export function webBody(stream: ReadableStream<Uint8Array> | null): UploadBody {
  const reader = stream?.getReader();
  return {
    async read() {
      if (reader === undefined) return "end";
      try {
        const { value, done } = await reader.read();
        return done ? "end" : value;
      } catch {
        return "gone";
      }
    },
  };
}
