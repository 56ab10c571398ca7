// A request body that is taken chunk by chunk. Between two takes nothing more is read from the connection, so that a
// slow disk slows the sender and not our memory; the time in which we waited for the sender is what its rate is judged by.

import type { IncomingMessage } from "node:http";

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
  /** True when the whole body was read from the connection. */
  readonly complete: boolean;
  /** Ends a read that waits, and all later ones. */
  stop(why: BodyEnd): void;
}

export interface WireBodyOptions {
  rate: RateRule;
  /** True when the connection was handed over to the HTTP server, as TLS connections are. */
  handedOver: boolean;
  /** Called before anything is waited for: the place to send `100 Continue`. */
  onFirstRead: () => void;
}

/** The body of a node:http request. Nothing of it is read before the first `read`. */
export function wireBody(req: IncomingMessage, options: WireBodyOptions): WireBody {
  const queue: Buffer[] = [];
  const watch = new RateWatch(options.rate);
  const flow = options.handedOver ? handedOverFlow(req) : ownFlow(req);
  let ended: BodyEnd | null = null;
  let wake: (() => void) | null = null;
  let started = false;
  const stop = (why: BodyEnd): void => {
    ended ??= why;
    wake?.();
  };
  const start = (): void => {
    started = true;
    options.onFirstRead();
    req.on("data", (chunk: Buffer) => {
      queue.push(chunk);
      watch.received(chunk.length);
      req.pause();
      wake?.();
    });
    const gone = (): void => stop("gone");
    req.on("end", () => {
      req.socket.off("close", gone);
      flow.release();
      stop("end");
    });
    for (const event of ["aborted", "error", "close"]) req.on(event, gone);
    // Once an answer is out, Bun tells of a client that went away on the socket only.
    req.socket.on("close", gone);
    if (req.destroyed || req.socket.destroyed) gone();
  };
  return {
    get complete() {
      return ended === "end";
    },
    stop,
    async read() {
      if (!started) start();
      if (queue.length === 0 && ended === null) {
        await waitForMore(watch, (resume) => {
          wake = resume;
          flow.more();
        });
        wake = null;
        if (watch.tooSlow) stop("slow");
      }
      const chunk = ended === null || ended === "end" ? queue.shift() : undefined;
      return chunk ?? ended ?? "gone";
    },
  };
}

interface Flow {
  /** Lets the next chunk come. */
  more(): void;
  /** The body is through: lets the connection flow for the next request. */
  release(): void;
}

/** On a connection of its own, Bun's HTTP server reads no more than a paused request takes. */
function ownFlow(req: IncomingMessage): Flow {
  return { more: () => void req.resume(), release: () => undefined };
}

/**
 * On a connection that was handed over, a paused request does not stop the HTTP server from reading. So the connection is
 * paused by each of its own chunks, and resumed when the request holds nothing more.
 */
function handedOverFlow(req: IncomingMessage): Flow {
  const { socket } = req;
  const pause = (): void => void socket.pause();
  if (req.headers["content-length"] !== undefined || req.headers["transfer-encoding"] !== undefined) {
    socket.on("data", pause);
    pause();
  }
  return {
    more() {
      req.resume();
      if (req.readableLength === 0) socket.resume();
    },
    release() {
      socket.off("data", pause);
      socket.resume();
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
