// The server: node:http on a port, with TLS and client certificates where asked for. One stack for all three, because
// only node:http lets us refuse a client that expects `100 Continue` before it sends a byte (measured on Bun 1.4.5).

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Server as NetServer } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import type { RateRule, WireBody } from "./body.ts";
import { createConnections } from "./connections.ts";
import { type BodyState, type Fetch, serveExchange } from "./exchange.ts";
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
}

const BAD_REQUEST =
  '{"type":"about:blank","title":"Malformed request","status":400,"reason":"malformed","detail":"this is not HTTP/1.1"}\n';

/**
 * Listens and serves.
 * @throws UserError when the address cannot be used
 */
export async function listen(fetch: Fetch, options: ListenOptions): Promise<Listener> {
  const connections = createConnections({
    headerMs: options.headerTimeoutS * 1000,
    keepAliveMs: options.keepAliveTimeoutS * 1000,
  });
  const bodies = new Map<WireBody, BodyState>();
  let closing = false;
  let underWay = 0;
  let quiet: (() => void) | null = null;
  const exchange = {
    fetch,
    rate: options.rate,
    handedOver: options.tls !== null,
    peerNames: options.tls?.clientCa === undefined || options.tls.clientCa === null ? () => null : namesOf,
    onBody: (body: WireBody, state: BodyState) => {
      if (state === "over") bodies.delete(body);
      else bodies.set(body, state);
      if (state === "answered" && closing) body.stop("stopped");
    },
  };
  const serve = async (req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): Promise<void> => {
    underWay++;
    connections.busy(req.socket);
    await serveExchange(req, res, expectsContinue, exchange);
    connections.idle(req.socket);
    underWay--;
    if (underWay === 0) quiet?.();
  };
  const http = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0, insecureHTTPParser: false });
  http.on("request", (req, res) => void serve(req, res, false));
  http.on("checkContinue", (req, res) => void serve(req, res, true));
  http.on("clientError", (error, socket) => answerBadHttp(error, socket, options.onBadConnection));
  http.on("connection", (socket) => connections.opened(socket));
  const server = options.tls === null ? http : tlsServer(options.tls, options, http);
  await bind(server, options);
  return {
    address: boundTo(server),
    close() {
      closing = true;
      server.close();
      connections.closeIdle();
      // Who has its answer may not hold up the stop by sending on.
      for (const [body, state] of bodies) if (state === "answered") body.stop("stopped");
    },
    settled: () =>
      new Promise((resolve) => {
        if (underWay === 0) resolve();
        else quiet = resolve;
      }),
    cutBodies() {
      for (const body of bodies.keys()) body.stop("stopped");
    },
    destroy: () => connections.closeAll(),
  };
}

/** TLS in front of the HTTP server: this way round the handlers can see the peer's certificate. */
function tlsServer(tls: TlsMaterial, options: ListenOptions, http: NetServer): NetServer {
  const server = openTls(tls, options.headerTimeoutS * 1000);
  server.on("secureConnection", (socket) => {
    // Bun 1.3 let rogue certificates through now and then (oven-sh/bun#27985): never trust the option alone.
    if (tls.clientCa !== null && !socket.authorized) return void socket.destroy();
    socket.on("error", () => undefined);
    http.emit("connection", socket);
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
      cert: tls.certificate,
      key: tls.key,
      minVersion: "TLSv1.2",
      handshakeTimeout,
      ...(tls.clientCa !== null && { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
    });
  } catch (error) {
    throw new UserError(
      `the files of [tls] cannot be used: ${errorText(error)}`,
      "check that `certificate` and `key` belong together and are PEM: openssl x509 -in <certificate> -noout -text; openssl pkey -in <key> -noout",
    );
  }
}

function namesOf(req: IncomingMessage): readonly string[] {
  const socket = req.socket as TLSSocket;
  const certificate = socket.getPeerCertificate();
  return Object.keys(certificate).length === 0 ? [] : peerNames(certificate);
}

function answerBadHttp(
  error: Error,
  socket: { writable: boolean; end(text: string): void; destroy(): void },
  tell: (what: string) => void,
): void {
  tell(`HTTP: ${errorText(error)}`);
  if (errorCode(error) === "ECONNRESET" || !socket.writable) return void socket.destroy();
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/problem+json\r\nContent-Length: ${BAD_REQUEST.length}\r\n\r\n${BAD_REQUEST}`,
  );
}

function bind(server: NetServer, { host, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(cannotListen(error, `${host}:${port}`)));
    server.listen(port, host, () => resolve());
  });
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
    `cannot listen on ${at}: ${errorText(error)}`,
    'set `listen = "<address>:<port>"` to an address of this machine',
  );
}

function boundTo(server: NetServer): { host: string; port: number } {
  const address = server.address() as AddressInfo;
  return { host: address.address, port: address.port };
}
