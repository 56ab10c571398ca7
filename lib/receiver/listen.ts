// The server: node:http on a port, with TLS and client certificates where asked for. One stack for all three, because
// only node:http lets us refuse a client that expects `100 Continue` before it sends a byte (measured on Bun 1.4.5).

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Server as NetServer } from "node:net";
import { createServer as createTlsServer, type SecureContextOptions, type Server as TlsServer } from "node:tls";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import type { RateRule, WireBody } from "./body.ts";
import { type Connections, createConnections } from "./connections.ts";
import { type BodyState, type ExchangeOptions, type Fetch, serveExchange } from "./exchange.ts";
import { HeldSocket } from "./held-socket.ts";
import { peerNames } from "./peer.ts";

export interface TlsMaterial {
  /** PEM texts. */
  certificate: string;
  key: string;
  /** Null: no client certificate is asked for. */
  clientCa: string | null;
}

export interface ListenOptions {
  host: string;
  port: number;
  tls: TlsMaterial | null;
  rate: RateRule;
  headerTimeoutS: number;
  keepAliveTimeoutS: number;
  /** Told of connections that never became a request: bad handshakes, bad HTTP. */
  onBadConnection: (what: string) => void;
  /** The whole answer to what is not HTTP/1.1. */
  badHttpAnswer: () => string;
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

class HttpListener implements Listener {
  private readonly server: NetServer;
  private readonly connections: Connections;
  private readonly bodies = new Map<WireBody, BodyState>();
  private readonly exchange: ExchangeOptions;
  private underWay = 0;
  private closing = false;
  private quiet: (() => void) | null = null;

  constructor(
    fetch: Fetch,
    private readonly options: ListenOptions,
  ) {
    const { tls, rate } = options;
    this.connections = createConnections({
      headerMs: options.headerTimeoutS * 1000,
      keepAliveMs: options.keepAliveTimeoutS * 1000,
    });
    const onBody = (body: WireBody, state: BodyState): void => this.onBody(body, state);
    this.exchange = {
      fetch,
      rate,
      onBody,
      handedOver: tls !== null,
      peerNames: (tls?.clientCa ?? null) === null ? () => null : namesOf,
    };
    // Time-outs are kept in connections.ts and body.ts: these would not reach a connection that was handed over.
    const http = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 });
    http.on("request", (req, res) => void this.serve(req, res, false));
    http.on("checkContinue", (req, res) => void this.serve(req, res, true));
    http.on("clientError", (error, socket) => answerBadHttp(error, socket, options));
    http.on("connection", (socket) => this.connections.opened(socket));
    this.server = tls === null ? http : tlsServer(tls, options, http);
  }

  bind(): Promise<void> {
    const { host, port } = this.options;
    return new Promise((resolve, reject) => {
      this.server.once("error", (error) => reject(cannotListen(error, `${host}:${port}`)));
      this.server.listen(port, host, () => {
        // Such as no descriptor left to accept with: it passes, and must not end the process.
        this.server.on("error", (error) => this.options.onBadConnection(`listen: ${errorText(error)}`));
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
      if (this.underWay === 0) resolve();
      else this.quiet = resolve;
    });
  }

  cutBodies(): void {
    for (const body of this.bodies.keys()) body.stop("stopped");
  }

  destroy(): void {
    this.connections.closeAll();
  }

  renew(tls: TlsMaterial): void {
    if ("setSecureContext" in this.server) (this.server as TlsServer).setSecureContext(secureContext(tls));
  }

  private async serve(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): Promise<void> {
    this.underWay++;
    this.connections.busy(req.socket);
    await serveExchange(req, res, expectsContinue, this.exchange);
    this.connections.idle(req.socket);
    this.underWay--;
    if (this.underWay === 0) this.quiet?.();
  }

  private onBody(body: WireBody, state: BodyState): void {
    if (state === "over") this.bodies.delete(body);
    else this.bodies.set(body, state);
    if (state === "answered" && this.closing) body.stop("stopped");
  }
}

/** TLS in front of the HTTP server: this way round the handlers can see the peer's certificate. */
function tlsServer(tls: TlsMaterial, options: ListenOptions, http: NetServer): NetServer {
  const server = openTls(tls, options.headerTimeoutS * 1000);
  server.on("secureConnection", (socket) => {
    // Bun 1.3 let rogue certificates through now and then (oven-sh/bun#27985): never trust the option alone.
    if (tls.clientCa !== null && !socket.authorized) return void socket.destroy();
    const held = new HeldSocket(socket);
    held.on("error", () => undefined);
    http.emit("connection", held);
  });
  server.on("tlsClientError", (error, socket) => {
    options.onBadConnection(`TLS: ${errorText(error)}`);
    socket.destroy(); // Bun reports a handshake that timed out and leaves the connection open
  });
  return server;
}

function openTls(tls: TlsMaterial, handshakeTimeout: number): TlsServer {
  try {
    return createTlsServer({
      ...secureContext(tls),
      handshakeTimeout,
      ...(tls.clientCa !== null && { requestCert: true, rejectUnauthorized: true }),
    });
  } catch (error) {
    throw new UserError(
      `the files of [tls] cannot be used: ${quoted(errorText(error))}`,
      "check that `certificate` and `key` belong together and are PEM: openssl x509 -in <certificate> -noout -text; openssl pkey -in <key> -noout",
    );
  }
}

function secureContext(tls: TlsMaterial): SecureContextOptions {
  const { certificate, key, clientCa } = tls;
  return { cert: certificate, key, minVersion: "TLSv1.2", ...(clientCa !== null && { ca: clientCa }) };
}

function namesOf(req: IncomingMessage): readonly string[] {
  const socket: unknown = req.socket;
  if (!(socket instanceof HeldSocket)) return [];
  const certificate = socket.tls.getPeerCertificate();
  return Object.keys(certificate).length === 0 ? [] : peerNames(certificate);
}

function answerBadHttp(
  error: Error,
  socket: { writable: boolean; end(text: string): void; destroy(): void },
  { onBadConnection, badHttpAnswer }: ListenOptions,
): void {
  onBadConnection(`HTTP: ${errorText(error)}`);
  if (errorCode(error) === "ECONNRESET" || !socket.writable) return void socket.destroy();
  socket.end(badHttpAnswer());
}

function cannotListen(error: Error, at: string): UserError {
  const code = errorCode(error);
  if (code === "EADDRINUSE")
    return new UserError(
      `cannot listen on ${at}: the port is in use`,
      "see who has it: ss -ltnp; or set another `listen`",
    );
  if (code === "EACCES")
    return new UserError(
      `cannot listen on ${at}: not allowed`,
      "choose a port above 1023, or grant CAP_NET_BIND_SERVICE",
    );
  return new UserError(
    `cannot listen on ${at}: ${quoted(errorText(error))}`,
    'set `listen = "<address>:<port>"` to an address of this machine',
  );
}
