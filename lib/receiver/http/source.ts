// The bytes of a connection, plain or TLS, taken one chunk at a time: nothing is read from the network before the last chunk
// was taken, so that a slow disk slows the sender and not our memory.

import type { Socket } from "node:net";
import { pauseNow } from "./socket.ts";

/** `end`: the peer sends no more, but may still read; `gone`: the connection is broken. */
export type SourceEnd = "end" | "gone";

export class Source {
  private readonly chunks: Buffer[] = [];
  private ended: SourceEnd | null = null;
  private wake: (() => void) | null = null;

  constructor(private readonly socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      pauseNow(socket);
      this.chunks.push(chunk);
      this.wakeUp();
    });
    socket.on("end", () => this.finish("end"));
    socket.on("error", () => this.finish("gone"));
    socket.on("close", () => this.finish("gone"));
    socket.pause();
  }

  /** Bytes that came and were not taken. */
  get held(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, this.socket.readableLength);
  }

  /** The next chunk, or how the bytes ended; null: wait. */
  poll(): Buffer | SourceEnd | null {
    return this.chunks.shift() ?? this.ended;
  }

  /** Calls `wake` once, as soon as `poll` has something; the connection is read until then. */
  ready(wake: () => void): void {
    this.wake = wake;
    if (this.chunks.length > 0 || this.ended !== null) this.wakeUp();
    else this.socket.resume();
  }

  async next(): Promise<Buffer | SourceEnd> {
    for (;;) {
      const found = this.poll();
      if (found !== null) return found;
      await new Promise<void>((resolve) => this.ready(resolve));
    }
  }

  /** Gives back what was taken too much. */
  putBack(rest: Buffer): void {
    if (rest.length > 0) this.chunks.unshift(rest);
  }

  /** Forgets what came: nobody will take it, nor what comes. Nothing more is read. */
  drop(): void {
    this.chunks.length = 0;
    this.finish("gone");
  }

  /** Reads nothing any more, whatever comes. To be called again after a write: Bun reads on after each (1.4.5). */
  hold(): void {
    this.drop();
    this.socket.removeAllListeners("data");
    pauseNow(this.socket);
  }

  /** Reads on and throws away, at most so many bytes; `done` is called when there are more. */
  drain(maxBytes: number, done: () => void): void {
    this.drop();
    let left = maxBytes;
    this.socket.removeAllListeners("data");
    this.socket.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) done();
    });
    this.socket.resume();
  }

  private finish(how: SourceEnd): void {
    if (this.ended !== "gone") this.ended = how;
    this.wakeUp();
  }

  private wakeUp(): void {
    const wake = this.wake;
    this.wake = null;
    wake?.();
  }
}
