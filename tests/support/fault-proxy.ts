// A TCP proxy on loopback, put between shipper and receiver, whose link a test can spoil and mend while it runs.
import { createServer, type Server } from "node:net";
import { type Fault, Link, type LinkShared, NONE, newRegime } from "./fault-link.ts";

export type { Fault } from "./fault-link.ts";

export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections accepted so far, and those open now. */
  readonly connections: number;
  readonly open: number;
  /** How often a fault took effect: cuts made, connections swallowed or throttled, bits flipped, answers held back. */
  readonly hits: number;
  /** Bytes handed on to the target and to the clients, and bytes thrown away. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly bytesSwallowed: number;
  setFault(fault: Fault): void;
  /** Resets every open connection now. */
  cutAll(): void;
}

export interface FaultProxyOptions {
  target: { host: string; port: number };
  fault?: Fault;
  /** Loopback port to listen on; any free one if left out. */
  port?: number;
}

export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const count = { connections: 0, hits: 0, up: 0, down: 0, swallowed: 0 };
  const shared: LinkShared = {
    target: options.target,
    regime: newRegime(options.fault ?? NONE),
    links: new Set(),
    count,
  };
  const cutAll = (): void => {
    for (const link of [...shared.links]) link.reset();
  };
  const setFault = (fault: Fault): void => {
    const old = shared.regime;
    shared.regime = newRegime(fault);
    old.lifted.abort();
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => new Link(client, shared));
  const port = await listen(server, options.port ?? 0);
  return {
    port,
    get connections() {
      return count.connections;
    },
    get open() {
      return shared.links.size;
    },
    get hits() {
      return count.hits;
    },
    get bytesUp() {
      return count.up;
    },
    get bytesDown() {
      return count.down;
    },
    get bytesSwallowed() {
      return count.swallowed;
    },
    setFault,
    cutAll,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cutAll();
      setFault(NONE);
      await closed;
    },
  };
}

async function listen(server: Server, wanted: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(wanted, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no TCP port");
  return address.port;
}
