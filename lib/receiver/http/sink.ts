// What goes out on a connection. Whoever reads less than the minimum rate is let go of: an answer that nobody takes would
// hold its file, its memory and a stop for ever.

import type { Socket } from "node:net";
import { type RateRule, RateWatch } from "./body.ts";
import { unsentBytes } from "./socket.ts";

export class Sink {
  private written = 0;
  private waiting = false;
  private isCut = false;

  constructor(
    private readonly socket: Socket,
    private readonly rate: RateRule,
    /** Called when the client does not take what it is sent. */
    private readonly onWait: () => void,
  ) {}

  /**
   * Hands bytes over; waits while the client takes nothing.
   * @throws when it is gone, or takes less than the minimum rate
   */
  async write(bytes: Uint8Array): Promise<void> {
    const { socket } = this;
    if (socket.destroyed) throw new Error("the client is gone");
    this.written += bytes.length;
    if (!socket.write(bytes)) await this.drained();
  }

  /** Resolves when the system has all that was written. @throws as `write` */
  async flush(): Promise<void> {
    if (this.socket.writableLength > 0) await this.drained();
  }

  /** Ends our side: the client learns that no more answers come. */
  end(): void {
    if (!this.socket.destroyed) this.socket.end();
  }

  /** From now on nothing waits for the client: where it would, the connection is ended. */
  cut(): void {
    this.isCut = true;
    if (this.waiting) this.socket.destroy();
  }

  /** Bytes that the client has acknowledged, as far as that can be told. */
  private get taken(): number {
    return this.written - this.socket.writableLength - (unsentBytes(this.socket) ?? 0);
  }

  private drained(): Promise<void> {
    const { socket, rate } = this;
    this.onWait();
    if (this.isCut) socket.destroy();
    this.waiting = true;
    const watch = new RateWatch(rate);
    let before = this.taken;
    return new Promise((resolve, reject) => {
      const windowEnded = (): void => {
        const now = this.taken;
        watch.received(now - before);
        before = now;
        watch.waited(rate.windowS * 1000);
        if (!watch.tooSlow) return;
        socket.destroy();
        settle();
      };
      const timer = setInterval(windowEnded, rate.windowS * 1000);
      const settle = (): void => {
        clearInterval(timer);
        this.waiting = false;
        socket.off("drain", settle);
        socket.off("close", settle);
        if (socket.destroyed) reject(new Error("the client is gone"));
        else resolve();
      };
      socket.on("drain", settle);
      socket.on("close", settle);
      if (socket.destroyed) settle();
    });
  }
}
