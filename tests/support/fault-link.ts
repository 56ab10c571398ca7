// One connection through the fault proxy: moves bytes both ways with back-pressure, and does to them what the fault
// says. It reads HTTP heads only to find where a body or a final answer begins; everything else is raw bytes.
import { connect as dial, type Socket } from "node:net";
import { setTimeout as after } from "node:timers/promises";
import { AnswerScan, RequestScan } from "./http-scan.ts";

/**
 * What is wrong with the link. `times`: it strikes only so often and is `none` after that. A cut, a black hole and a
 * throttle strike a connection, at its first byte (either way) after `setFault`; so a kept-alive connection is struck
 * too. `flip-bit` strikes a request and `delay-answer` an answer, of which a kept-alive connection may carry several.
 */
export type Fault = { times?: number } & (
  | { kind: "none" }
  /** At most `afterBytes` bytes of the client reach the target (with `fin` exactly so many), then both are cut. */
  | { kind: "cut-up"; afterBytes: number; by?: "reset" | "fin" }
  /** Interim answers (1xx) pass. In TLS they cannot be seen: `afterUpBytes` lets the handshake through. */
  | { kind: "cut-before-answer"; afterUpBytes?: number }
  /** Lifting it resets the connections it swallowed from: their bytes are gone. */
  | { kind: "black-hole" }
  /**
   * `offset` counts from the end of the request head; a request with a shorter body is left alone. In TLS it counts
   * from the connection's first byte. A chunked body counts with its chunk sizes.
   */
  | { kind: "flip-bit"; offset: number; bit?: number }
  | { kind: "throttle"; bytesPerSecond: number }
  /** Holds back the first byte of each final answer. Lifting the fault lets it go at once. */
  | { kind: "delay-answer"; ms: number }
);

/** One call of setFault: the fault, how often it may still strike, and the signal that it is over. */
export interface Regime {
  fault: Fault;
  left: number;
  lifted: AbortController;
}

export interface LinkShared {
  target: { host: string; port: number };
  regime: Regime;
  links: Set<Link>;
  count: { connections: number; hits: number; up: number; down: number; swallowed: number };
}

export const NONE: Fault = { kind: "none" };
export const newRegime = (fault: Fault): Regime => ({
  fault,
  left: fault.times ?? Infinity,
  lifted: new AbortController(),
});

/** One client connection and the target connection made for it when the first byte is to be handed on. */
export class Link {
  private upstream: Socket | undefined;
  private regime: Regime | undefined;
  private struck: Fault = NONE;
  private upSinceStruck = 0;
  /** Cut with FIN: nothing more goes either way, but the client may still be sending. */
  private deaf = false;
  private readonly requests = new RequestScan();
  private readonly answers = new AnswerScan();

  constructor(
    private readonly client: Socket,
    private readonly shared: LinkShared,
  ) {
    shared.count.connections++;
    shared.links.add(this);
    client.on("error", () => this.reset());
    client.once("close", () => {
      shared.links.delete(this);
      if (this.deaf) this.upstream?.destroy();
    });
    void this.pump(
      client,
      (chunk) => this.up(chunk),
      () => this.clientEnded(),
    );
  }

  reset(): void {
    this.deaf = true;
    this.shared.links.delete(this);
    this.client.resetAndDestroy();
    this.upstream?.resetAndDestroy();
  }

  private target(): Socket {
    if (this.upstream) return this.upstream;
    const socket = dial({ ...this.shared.target, allowHalfOpen: true, noDelay: true });
    this.upstream = socket;
    socket.on("error", () => this.reset());
    void this.pump(
      socket,
      (chunk) => this.down(chunk),
      () => this.client.end(),
    );
    return socket;
  }

  /** Reads `from` only as fast as `take` settles: this is the whole of the back-pressure. */
  private async pump(from: Socket, take: (chunk: Buffer) => Promise<void>, ended: () => void): Promise<void> {
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) await take(chunk as Buffer);
      ended();
    } catch {
      this.reset(); // the socket's own error, or a write after the other end was cut
    }
  }

  /** An end is no byte: a connection that goes away takes up no fault (and so uses up none of its `times`). */
  private clientEnded(): void {
    if (this.deaf || this.struck.kind === "black-hole") {
      this.client.destroy();
      this.upstream?.destroy();
    } else if (this.upstream) this.upstream.end();
    else this.client.end();
  }

  /** What this connection is under. It takes up a new one, if strikes are left, at the first byte after setFault. */
  private fault(): Fault {
    const regime = this.shared.regime;
    if (this.regime === regime) return this.struck;
    this.regime = regime;
    this.upSinceStruck = 0;
    this.answers.expectAnswer();
    const { kind } = regime.fault;
    const perRequest = kind === "flip-bit" || kind === "delay-answer";
    this.struck = perRequest || regime.left > 0 ? regime.fault : NONE;
    if (!perRequest) regime.left--;
    if (this.struck.kind === "black-hole" || this.struck.kind === "throttle") this.shared.count.hits++;
    if (this.struck.kind === "black-hole") {
      regime.lifted.signal.addEventListener("abort", () => this.reset(), { once: true });
    }
    return this.struck;
  }

  /** For faults that strike single requests or answers: true when this one is to be struck. */
  private strike(): boolean {
    if (this.regime === undefined || this.regime.left <= 0) return false;
    this.regime.left--;
    this.shared.count.hits++;
    return true;
  }

  private async up(chunk: Buffer): Promise<void> {
    const fault = this.fault();
    this.answers.expectAnswer();
    this.requests.feed(chunk, (bodyOffset, start, end) => {
      if (fault.kind !== "flip-bit") return;
      const at = start + fault.offset - bodyOffset;
      if (at < start || at >= end || !this.strike()) return;
      chunk[at] = (chunk[at] ?? 0) ^ (1 << (fault.bit ?? 0));
    });
    await this.sendUp(chunk);
  }

  private async sendUp(chunk: Buffer): Promise<void> {
    const fault = this.fault();
    if (this.deaf || fault.kind === "black-hole") return this.swallow(chunk);
    if (fault.kind === "throttle") return this.trickle(chunk, fault.bytesPerSecond, "up");
    const room = fault.kind === "cut-up" ? fault.afterBytes - this.upSinceStruck : Infinity;
    const part = chunk.subarray(0, room);
    this.upSinceStruck += part.length;
    await this.hand(part, "up");
    if (fault.kind === "cut-up" && chunk.length >= room) {
      this.swallow(chunk.subarray(room));
      await this.cut(fault.by ?? "reset");
    }
  }

  private async down(chunk: Buffer): Promise<void> {
    const fault = this.fault();
    if (this.deaf || fault.kind === "black-hole") return this.swallow(chunk);
    if (fault.kind === "throttle") return this.trickle(chunk, fault.bytesPerSecond, "down");
    if (fault.kind !== "cut-before-answer" && fault.kind !== "delay-answer") return this.hand(chunk, "down");
    const { interim, final, begins } = this.answers.split(chunk);
    await this.hand(interim, "down");
    if (begins && fault.kind === "cut-before-answer" && this.upSinceStruck >= (fault.afterUpBytes ?? 0)) {
      this.swallow(final);
      return this.cut("reset");
    }
    if (begins && fault.kind === "delay-answer" && this.strike()) await this.unlessLifted(fault.ms);
    await this.hand(final, "down");
  }

  private async cut(by: "reset" | "fin"): Promise<void> {
    if (this.deaf) return;
    this.shared.count.hits++;
    if (by === "reset") return this.reset();
    this.deaf = true;
    this.upstream?.end();
    this.client.end();
  }

  /** Slices small enough that the rate is even; when the fault is lifted the rest goes the way of the new fault. */
  private async trickle(chunk: Buffer, rate: number, way: "up" | "down"): Promise<void> {
    const step = Math.max(1, Math.floor(rate / 20));
    for (let at = 0; at < chunk.length; at += step) {
      if (this.shared.regime !== this.regime) {
        const rest = chunk.subarray(at);
        return way === "up" ? this.sendUp(rest) : this.down(rest);
      }
      const slice = chunk.subarray(at, at + step);
      await this.hand(slice, way);
      await this.unlessLifted((slice.length / rate) * 1000);
    }
  }

  private async unlessLifted(ms: number): Promise<void> {
    const signal = this.regime?.lifted.signal;
    await after(ms, undefined, signal ? { signal } : {}).catch(() => undefined);
  }

  private swallow(chunk: Buffer): void {
    this.shared.count.swallowed += chunk.length;
  }

  /** Settles when the kernel has taken the bytes, so that a cut right after does not lose them in this process. */
  private async hand(bytes: Buffer, way: "up" | "down"): Promise<void> {
    if (bytes.length === 0) return;
    if (this.deaf) return this.swallow(bytes);
    const socket = way === "up" ? this.target() : this.client;
    this.shared.count[way] += bytes.length;
    await new Promise<void>((resolve) => {
      socket.once("close", resolve); // a destroyed socket may never call back
      socket.write(bytes, () => {
        socket.off("close", resolve);
        resolve();
      });
    });
  }
}
