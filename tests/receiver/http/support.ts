// A connection over given bytes, without a network: what comes in which pieces is the test's, and nothing waits for a clock.

import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { Connection, type ConnectionOptions } from "../../../lib/receiver/http/connection.ts";

/** A socket that brings given pieces, one a turn of the loop, and takes all that is written. */
export class Pieces extends Duplex {
  readonly written: Buffer[] = [];
  readonly remoteAddress = "10.0.0.5";
  readonly remotePort = 1;
  /** How many of them are left. */
  get left(): number {
    return this.pieces.length;
  }
  constructor(private readonly pieces: Buffer[]) {
    super({ allowHalfOpen: true });
  }
  setNoDelay(): void {}
  override _read(): void {
    setImmediate(() => this.push(this.pieces.shift() ?? null));
  }
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.written.push(chunk);
    done();
  }
}

/** Serves these pieces to their end, or to the connection's; the statuses that were answered, and the pieces nobody read. */
export async function serveBytes(
  pieces: readonly Buffer[],
  more: Pick<ConnectionOptions, "fetch"> & Partial<ConnectionOptions>,
): Promise<{ statuses: string[]; left: number }> {
  const socket = new Pieces([...pieces]);
  const options: ConnectionOptions = {
    rate: { minBytesPerS: 1, windowS: 60 },
    onBody: () => undefined,
    closing: () => false,
    headerMs: 60_000,
    keepAliveMs: 60_000,
    onState: () => undefined,
    ahead: () => 1e9,
    pace: () => 0,
    leftovers: { enter: () => () => undefined },
    beforeDiscard: () => 0,
    faultAnswer: () => new Response(null, { status: 400 }),
    onFault: () => undefined,
    ...more,
  };
  await new Connection(socket as unknown as Socket, null, options).serve();
  // What it would read on, it reads in these turns of the loop: there is a piece for each.
  for (let turn = 0; turn < pieces.length + 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  const text = Buffer.concat(socket.written).toString("latin1");
  const { left } = socket;
  socket.destroy();
  return { statuses: text.match(/HTTP\/1\.1 \d{3}/g) ?? [], left };
}
