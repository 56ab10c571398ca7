// Connections that outlive a request, so that a small episode does not pay for a handshake: one set for one address and one set
// of credentials. When either changes, what is idle is closed, and what is busy is closed after its request.

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { TlsFiles } from "./upload.ts";

/**
 * How long a connection may lie idle, milliseconds. Below the receiver's keep_alive_timeout_s (15 s), and of what a server
 * announces itself (`Keep-Alive: timeout=`) a second less counts: who closes first decides whether a request is lost on it.
 */
const IDLE_MS = 10_000;
/** As many as there may be transfers (shipper.transfers). */
const IDLE_MAX = 32;

export type Connections = HttpAgent | HttpsAgent;

export interface ConnectionPool {
  /** The connections to this address with these credentials. */
  to(url: string, token: string | null, tls: TlsFiles): Connections;
  /** Closes what is idle: one of them has turned out to be dead, and the others are as old. */
  dropIdle(): void;
  /** Closes what is idle now, and what is busy after its request. */
  close(): void;
}

export function openConnections(idleMs = IDLE_MS): ConnectionPool {
  let current: { key: string; connections: Connections } | null = null;
  const close = (): void => {
    if (current === null) return;
    // What comes back to it later is closed then (node:http, Agent.keepAlive).
    Object.assign(current.connections, { keepAlive: false });
    closeIdle(current.connections);
    current = null;
  };
  return {
    to(url, token, tls) {
      const { origin, protocol } = new URL(url);
      const key = JSON.stringify([origin, token, tls.ca, tls.cert, tls.key, tls.verify]);
      if (current?.key === key) return current.connections;
      close();
      const options = { keepAlive: true, timeout: idleMs, maxFreeSockets: IDLE_MAX };
      current = { key, connections: protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options) };
      return current.connections;
    },
    dropIdle: () => {
      if (current !== null) closeIdle(current.connections);
    },
    close,
  };
}

function closeIdle({ freeSockets }: Connections): void {
  for (const sockets of Object.values(freeSockets)) for (const socket of [...(sockets ?? [])]) socket.destroy();
}
