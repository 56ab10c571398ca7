// A connection and its requests, one after the other: the next one is not looked at before the one before is answered and its
// body is through, and nothing more is read from the network until then. So what a client can make us hold is bounded, and
// one that sends a hundred thousand requests at once waits in its own line.

import type { Socket } from "node:net";
import { addressOf } from "./address.ts";
import { sendAnswer } from "./answer.ts";
import type { ConnectionState, Held } from "./connections.ts";
import { type ExchangeOptions, serveExchange } from "./exchange.ts";
import { endOfHead, HEAD_LIMITS, type Head, type HeadFault, isNoRequest, parseHead } from "./head.ts";
import type { Wire } from "./incoming.ts";
import type { Leftovers } from "./leftover.ts";
import { Sink } from "./sink.ts";
import { Source } from "./source.ts";

export interface ConnectionOptions extends ExchangeOptions {
  headerMs: number;
  keepAliveMs: number;
  /** Told of each change. */
  onState: (connection: Connection, state: ConnectionState) => void;
  /** Bytes that may be kept of what was sent ahead of the next answer, now. */
  ahead: () => number;
  /** How long an answer to a sender that has not shown who it is waits, milliseconds; one to `/healthz` or `/readyz` has its own line. */
  pace: (isSign: boolean) => number;
  /** The bodies of unknown senders that are read though nobody wants them. */
  leftovers: Leftovers;
  /** How long to wait before so many bytes that nobody wants are read on, milliseconds. */
  beforeDiscard: (bytes: number, isKnown: boolean) => number;
  /** The answer to what is no request. */
  faultAnswer: (fault: HeadFault) => Response;
  /** Told of what is no request. */
  onFault: (remote: string, fault: HeadFault) => void;
}

/** What still comes on a connection that is given up is read for so long, and so much, so that the last answer arrives. */
const LINGER_MS = 2000;
const LINGER_BYTES = 256 * 1024;
/** What monitors ask for: they wait for no flood of anything else. */
const SIGNS: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

export class Connection implements Held {
  private readonly source: Source;
  private readonly sink: Sink;
  private readonly wire: Omit<Wire, "body" | "target">;
  readonly address: string;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private paced: (() => void) | null = null;
  /** Its sender has shown who it is: that of the request under way. */
  private isKnown = false;
  /** Nothing that came ahead is served any more. */
  private dropped = false;

  constructor(
    private readonly socket: Socket,
    peerNames: readonly string[] | null,
    private readonly options: ConnectionOptions,
  ) {
    this.source = new Source(socket);
    this.sink = new Sink(socket, options.rate, () => this.boundAhead());
    this.wire = { remote: remoteOf(socket), peerNames, known: () => this.nowKnown() };
    this.address = addressOf(this.wire.remote);
    socket.setNoDelay(true);
    socket.once("close", () => clearTimeout(this.timer));
  }

  /** Serves what comes. Resolves when the connection is over. Never rejects. */
  async serve(): Promise<void> {
    try {
      let first = true;
      for (;;) {
        const head = await this.nextHead(first);
        first = false;
        if (head === null) return await this.finish();
        this.isKnown = false;
        this.options.onState(this, "unproved");
        if (typeof head === "string") return await this.refuse(head);
        const then = await this.exchange(head);
        if (then === "leave" && !this.isKnown) return await this.leave();
        if (then !== "next") return await this.finish();
        this.boundAhead();
        if (this.dropped) return await this.finish();
      }
    } catch {
      this.destroy();
    }
  }

  hurry(): void {
    this.paced?.();
  }

  cut(): void {
    this.hurry();
    this.sink.cut();
  }

  destroy(): void {
    this.socket.destroy();
    this.paced?.();
  }

  private async exchange(head: Head): Promise<"next" | "last" | "leave"> {
    const { source, sink, wire, options } = this;
    let giveBack = (): void => undefined;
    const exchange = {
      ...{ head, source, sink, wire },
      beforeAnswer: () => this.beforeAnswer(SIGNS.has(head.target)),
      mayRead: (bytes: number) => {
        // All is said but for the answer itself: whoever comes with something new may have this place.
        options.onState(this, "ending");
        if (this.isKnown) return true;
        const entered = options.leftovers.enter(this.address, bytes);
        giveBack = entered ?? giveBack;
        return entered !== null;
      },
      beforeMore: (bytes: number) => this.pause(options.beforeDiscard(bytes, this.isKnown)),
    };
    try {
      return await serveExchange(exchange, { ...options, closing: () => this.isLast() });
    } finally {
      giveBack();
    }
  }

  private nowKnown(): void {
    this.isKnown = true;
    this.options.onState(this, "busy");
  }

  private isLast(): boolean {
    return this.dropped || this.options.closing();
  }

  /** Of what was sent ahead no more is kept than this connection's share; the rest, and all that follows, is not served. */
  private boundAhead(): void {
    if (this.source.held <= this.options.ahead()) return;
    this.dropped = true;
    this.source.drop();
  }

  /** Whatever is answered to somebody unknown waits for its turn: a flood may ask for what it likes. */
  private async beforeAnswer(isSign: boolean): Promise<void> {
    const waitMs = this.isKnown ? 0 : this.options.pace(isSign);
    if (waitMs <= 0) return;
    this.boundAhead();
    this.options.onState(this, "paced");
    await this.pause(waitMs);
  }

  /** Waits, but not when the server closes. */
  private async pause(ms: number): Promise<void> {
    if (ms <= 0 || this.options.closing()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.paced = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.paced = null;
  }

  /** The next request's head; null: there is none to come. */
  private async nextHead(first: boolean): Promise<Head | HeadFault | null> {
    const { headerMs, keepAliveMs } = this.options;
    let bytes = this.source.poll();
    this.options.onState(this, "waiting");
    if (bytes === null) {
      this.arm(first ? headerMs : keepAliveMs);
      bytes = await this.source.next();
    } else if (!first) {
      // Sent ahead: whoever else has something to be done comes first.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!first || this.timer === undefined) this.arm(headerMs);
    const head = await this.wholeHead(bytes);
    clearTimeout(this.timer);
    return head;
  }

  private async wholeHead(begun: Buffer | "end" | "gone"): Promise<Head | HeadFault | null> {
    let bytes = begun;
    let held: Buffer = Buffer.alloc(0);
    for (;;) {
      if (typeof bytes === "string") return null;
      const seen = held.length;
      held = seen === 0 ? bytes : Buffer.concat([held, bytes]);
      const end = endOfHead(held, seen);
      if (isNoRequest(end > 0 ? held.subarray(0, end) : held, seen)) return "malformed";
      if (end > 0) {
        this.source.putBack(held.subarray(end));
        return parseHead(held.subarray(0, end));
      }
      if (held.length > HEAD_LIMITS.bytes) return "head-too-large";
      bytes = await this.source.next();
    }
  }

  private arm(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.destroy(), ms);
  }

  private async refuse(fault: HeadFault): Promise<void> {
    this.options.onFault(this.wire.remote, fault);
    await this.beforeAnswer(false);
    await sendAnswer(this.sink, this.options.faultAnswer(fault), { headOnly: false, last: true });
    await this.finish();
  }

  /** Ends our side, and reads on for a moment: to close with bytes unread would take back the answer. */
  private async finish(): Promise<void> {
    await this.lastWritten();
    if (this.socket.destroyed) return;
    this.sink.end();
    this.source.drain(LINGER_BYTES, () => this.destroy());
    this.arm(LINGER_MS);
  }

  /**
   * Stays for a moment and reads nothing: what the kernels hold is enough for most that a client has sent blindly. Our side
   * is not ended, since Bun reads on from a socket whose side was (1.4.5); that no more comes the answer says.
   */
  private async leave(): Promise<void> {
    this.source.hold();
    await this.lastWritten();
    if (!this.socket.destroyed) this.arm(LINGER_MS);
  }

  private async lastWritten(): Promise<void> {
    this.options.onState(this, "ending");
    this.source.drop();
    await this.sink.flush();
  }
}

/** `10.0.0.5:40112`; an IPv6 address in brackets. */
export function remoteOf(socket: Socket): string {
  const address = socket.remoteAddress ?? "-";
  return `${address.includes(":") ? `[${address}]` : address}:${socket.remotePort ?? 0}`;
}
