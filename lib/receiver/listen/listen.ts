// The server: a port, with TLS and client certificates where asked for, and the connections on it. HTTP is our own
// (http/): Bun's node:http reads and parses ahead of what is answered, without end.

import { type AddressInfo, createServer, type Server as NetServer, type Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import type { RefusedWhat } from "../../contract/attempt-row.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { withSudo } from "../../os/process/as-typed.ts";
import { ownService } from "../../os/process/own-unit.ts";
import { type Refusal, refuse } from "../decide.ts";
import { addressOf } from "../http/address.ts";
import { sendAnswer } from "../http/answer.ts";
import type { RateRule, WireBody } from "../http/body.ts";
import { Connection, type ConnectionOptions, remoteOf } from "../http/connection.ts";
import { type Connections, createConnections, type Held } from "../http/connections.ts";
import type { BodyState, Fetch } from "../http/exchange.ts";
import { HEAD_LIMITS, type HeadFault } from "../http/head.ts";
import { createLeftovers } from "../http/leftover.ts";
import { createPace } from "../http/pace.ts";
import { Sink } from "../http/sink.ts";
import { cannotListen } from "./cannot-listen.ts";
import { namesOf, openTls, secureContext, type TlsMaterial } from "./tls-server.ts";

export interface ListenOptions {
  host: string;
  port: number;
  tls: TlsMaterial | null;
  rate: RateRule;
  headerTimeoutS: number;
  keepAliveTimeoutS: number;
  /** Connections at a time. */
  connectionsTotal: number;
  /** Told of connections that never became a request: bad handshakes, bad HTTP. `remote`: as in `Wire`. */
  onBadConnection: (bad: BadConnection) => void;
  /** The answer to what never became a request. */
  refusalAnswer: (refusal: Refusal) => Response;
}

export interface BadConnection {
  remote: string;
  what: RefusedWhat;
  /** `tls-handshake`, or a refusal's reason. */
  reason: string;
  detail: string;
}

export interface Listener {
  /** Where it really listens: port 0 has become one. */
  address: { host: string; port: number };
  /** Takes no more connections; closes idle ones. */
  close(): void;
  /** Resolves when no request is under way. */
  settled(): Promise<void>;
  /** Ends all bodies that are being read, so that their handlers answer; `settled` comes soon after. */
  cutBodies(): void;
  /** Closes every connection. */
  destroy(): void;
  /** Other certificates from the next connection on. */
  renew(tls: TlsMaterial): void;
}

/**
 * Listens and serves.
 * @throws UserError when the address or the certificate cannot be used
 */
export async function listen(fetch: Fetch, options: ListenOptions): Promise<Listener> {
  const listener = new HttpListener(fetch, options);
  await listener.bind();
  return listener;
}

/** What is no request is refused so. */
const FAULTS: Record<HeadFault, Refusal> = {
  malformed: refuse("malformed", "this is not HTTP/1.1"),
  "head-too-large": refuse(
    "head-too-large",
    `a request's head has at most ${HEAD_LIMITS.bytes} bytes and ${HEAD_LIMITS.fields} fields`,
  ),
};
const FULL = refuse("too-many-connections", "more connections are open than this receiver serves", { retryAfterS: 10 });

/** What may be kept of all that clients have sent ahead, shared out among their connections: nobody who is well sends ahead. */
const AHEAD_BYTES = 16 * 1024 * 1024;
/** Signs of life and of readiness in a second: monitors are many, and each costs some 100 µs. */
const SIGNS_PER_SECOND = 1000;
/** Bodies of refused requests are read and thrown away no faster than this, all together: it is done for an answer's sake. */
const DISCARD_BYTES_PER_S = 64 * 1024 * 1024;
/** Those of senders that nobody knows: a share of their own, so that they take none of the others'. */
const UNKNOWN_BYTES_PER_S = 16 * 1024 * 1024;

class HttpListener implements Listener {
  private readonly server: NetServer;
  private readonly connections: Connections;
  private readonly bodies = new Map<WireBody, BodyState>();
  private readonly connectionOptions: ConnectionOptions;
  private closing = false;
  private quiet: (() => void) | null = null;

  constructor(
    fetch: Fetch,
    private readonly options: ListenOptions,
  ) {
    const { tls, rate } = options;
    const [pace, signPace] = [createPace(), createPace(SIGNS_PER_SECOND, SIGNS_PER_SECOND)];
    const discardPace = createPace(DISCARD_BYTES_PER_S, DISCARD_BYTES_PER_S);
    const unknownPace = createPace(UNKNOWN_BYTES_PER_S, UNKNOWN_BYTES_PER_S);
    this.connections = createConnections(options.connectionsTotal);
    this.connectionOptions = {
      fetch,
      rate,
      headerMs: options.headerTimeoutS * 1000,
      keepAliveMs: options.keepAliveTimeoutS * 1000,
      onBody: (body, state) => this.onBody(body, state),
      closing: () => this.closing,
      onState: (connection, state) => this.connections.changed(connection, state),
      pace: (isSign) => (isSign ? signPace : pace)(performance.now()),
      ahead: () => AHEAD_BYTES / Math.max(1, this.connections.count),
      leftovers: createLeftovers(),
      beforeDiscard: (bytes, isKnown) => (isKnown ? discardPace : unknownPace)(performance.now(), bytes),
      faultAnswer: (fault) => options.refusalAnswer(FAULTS[fault]),
      onFault: (remote, fault) =>
        options.onBadConnection({ remote, what: "connection", reason: fault, detail: FAULTS[fault].detail }),
    };
    this.server = tls === null ? this.plainServer() : this.tlsServer(tls);
  }

  bind(): Promise<void> {
    const { host, port } = this.options;
    return new Promise((resolve, reject) => {
      this.server.once("error", (error) =>
        reject(
          cannotListen({
            host,
            port,
            code: errorCode(error),
            text: errorText(error),
            service: ownService(),
            asRoot: withSudo(),
          }),
        ),
      );
      this.server.listen(port, host, () => {
        // Such as no descriptor left to accept with: it passes, and must not end the process.
        this.server.on("error", (error) => this.tellBad("-", "listen", errorText(error)));
        resolve();
      });
    });
  }

  get address(): { host: string; port: number } {
    const { address, port } = this.server.address() as AddressInfo;
    return { host: address, port };
  }

  close(): void {
    this.closing = true;
    this.server.close();
    this.connections.closeIdle();
    // Who has its answer may not hold up the stop by sending on.
    for (const [body, state] of this.bodies) if (state === "answered") body.stop("stopped");
  }

  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.bodies.size === 0) resolve();
      else this.quiet = resolve;
    });
  }

  cutBodies(): void {
    for (const body of this.bodies.keys()) body.stop("stopped");
    this.connections.cut();
  }

  destroy(): void {
    this.connections.closeAll();
  }

  renew(tls: TlsMaterial): void {
    if ("setSecureContext" in this.server) (this.server as TlsServer).setSecureContext(secureContext(tls));
  }

  private plainServer(): NetServer {
    return createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      if (this.connections.makeRoom()) this.serve(socket, null);
      else void this.turnAway(socket);
    });
  }

  private tlsServer(tls: TlsMaterial): TlsServer {
    const server = openTls(tls, this.options.headerTimeoutS * 1000);
    /** Connections whose handshake is not over: whoever says nothing must not keep a place for ever. */
    const shaking = new WeakMap<Socket, Held>();
    const turnedAway = new WeakSet<Socket>();
    server.on("connection", (socket: Socket) => {
      if (!this.connections.makeRoom()) {
        turnedAway.add(socket);
        this.tellBad(remoteOf(socket), FULL.reason, FULL.detail);
        return void socket.destroy();
      }
      const nothing = { hurry: () => undefined, cut: () => undefined };
      const held = { ...nothing, address: addressOf(remoteOf(socket)), destroy: () => void socket.destroy() };
      shaking.set(socket, held);
      this.hold(socket, held);
      this.connections.changed(held, "waiting");
    });
    server.on("secureConnection", (socket) => {
      const held = shaking.get(socket);
      if (held !== undefined) this.connections.closed(held);
      // Bun 1.3 let rogue certificates through now and then (oven-sh/bun#27985): never trust the option alone.
      if (tls.clientCa !== null && !socket.authorized) {
        this.tellBad(
          remoteOf(socket),
          "tls-handshake",
          "no authority of this receiver's issued the client's certificate",
        );
        return void socket.destroy();
      }
      this.serve(socket, tls.clientCa === null ? null : namesOf(socket));
    });
    server.on("tlsClientError", (error, socket) => {
      // Whom we hung up on is counted as that.
      if (!turnedAway.has(socket)) this.tellBad(remoteOf(socket), "tls-handshake", errorText(error));
      socket.destroy(); // Bun reports a handshake that timed out and leaves the connection open
    });
    return server;
  }

  private serve(socket: Socket, names: readonly string[] | null): void {
    const connection = new Connection(socket, names, this.connectionOptions);
    this.hold(socket, connection);
    void connection.serve();
  }

  private hold(socket: Socket, held: Held): void {
    this.connections.opened(held);
    socket.once("close", () => this.connections.closed(held));
    if (this.closing) socket.destroy();
  }

  /** All places are taken by requests under way. */
  private async turnAway(socket: Socket): Promise<void> {
    this.tellBad(remoteOf(socket), FULL.reason, FULL.detail);
    socket.on("error", () => undefined);
    const sink = new Sink(socket, this.options.rate, () => socket.destroy());
    await sendAnswer(sink, this.options.refusalAnswer(FULL), { headOnly: false, last: true }).catch(() => undefined);
    socket.destroy();
  }

  private tellBad(remote: string, reason: string, detail: string): void {
    this.options.onBadConnection({ remote, what: "connection", reason, detail });
  }

  private onBody(body: WireBody, state: BodyState): void {
    if (state === "over") this.bodies.delete(body);
    else this.bodies.set(body, state);
    if (state === "answered" && this.closing) body.stop("stopped");
    if (this.bodies.size === 0) this.quiet?.();
  }
}
