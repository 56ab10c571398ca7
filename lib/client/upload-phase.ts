// How far a request has come on its connection, and what its failure was: facts for whoever explains it. Decides nothing
// about a remedy, and reads no text where there is a code.

import type { ClientRequest } from "node:http";
import { isIP, type Socket } from "node:net";
import { errorCode, errorText } from "../core/failure.ts";

/**
 * `preparing`: our own certificates; then the name, the connection, the TLS handshake, the request on its way to the peer,
 * and its answer, once the peer has acknowledged all of it.
 */
export type Phase = "preparing" | "resolving" | "connecting" | "handshake" | "sending" | "answering";

/** What kept a request from being answered. */
export interface Failure {
  kind: "failed";
  /** `tls`: their certificate or ours; `network`: anything between; `local`: our own file; `aborted`: by the signal. */
  cause: "network" | "tls" | "stalled" | "local" | "aborted";
  phase: Phase;
  /** What the system, OpenSSL or Bun calls it (`ECONNREFUSED`, `CERT_HAS_EXPIRED`); null where it has no name. */
  code: string | null;
  detail: string;
  /** The address that the name led to, without a port; null before it did. */
  address: string | null;
  /** Bytes of the request that the peer acknowledged. */
  acknowledged: number;
  /** The peer has begun to answer, if only by `100 Continue`. */
  gaveSign: boolean;
  /** The connection had served before, and the peer gave no sign on it: that it was closed meanwhile says nothing. */
  isStale: boolean;
}

export interface Connection {
  readonly phase: Phase;
  readonly address: string | null;
  /** It had served another request before. */
  readonly isReused: boolean;
  /** The peer has begun to answer, if only by `100 Continue`. */
  gaveSign: boolean;
  /** All of the request is sent and acknowledged. */
  sent(): void;
}

/**
 * Follows a request from name to answer.
 * @param ready called when the request's own bytes can go
 */
export function followConnection(request: ClientRequest, url: URL, ready: (socket: Socket) => void): Connection {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const state = { phase: "resolving" as Phase, address: null as string | null, isReused: false };
  const isOpen = (socket: Socket): void => {
    state.phase = "sending";
    ready(socket);
  };
  if (isIP(host) !== 0) Object.assign(state, { phase: "connecting", address: host });
  request.on("socket", (socket) => {
    if (request.reusedSocket) {
      Object.assign(state, { isReused: true, address: socket.remoteAddress ?? null });
      return isOpen(socket);
    }
    // An address that cannot be connected to at all has failed already, and was never open.
    if (!socket.connecting) return;
    socket.once("lookup", (error: Error | null, address: string) => {
      if (error === null || error === undefined) Object.assign(state, { phase: "connecting", address });
    });
    socket.once("connect", () => {
      state.address = socket.remoteAddress ?? state.address;
      if (url.protocol === "https:") state.phase = "handshake";
      else isOpen(socket);
    });
    socket.once("secureConnect", () => isOpen(socket));
  });
  return {
    get phase() {
      return state.phase;
    },
    get address() {
      return state.address;
    },
    get isReused() {
      return state.isReused;
    },
    gaveSign: false,
    sent: () => {
      if (state.phase === "sending") state.phase = "answering";
    },
  };
}

/** An error of node:http, of a socket or of TLS: what it is called, and whether it is about certificates. */
export function faultOf(error: unknown): { cause: "network" | "tls"; code: string | null; detail: string } {
  // Of several addresses of one name each has failed in its own way.
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const code = errorCode(error) ?? errorCode(errors[0]);
  const said = errors.map(errorText).join("; ");
  const detail = code === null || said.includes(code) ? said : `${said} (${code})`;
  return { cause: isTlsFailure(code ?? "", detail) ? "tls" : "network", code, detail };
}

/** OpenSSL's verification codes, Node's own, and alerts: a certificate is wrong, theirs or ours. A damaged record is not. */
function isTlsFailure(code: string, text: string): boolean {
  if (/BAD_RECORD_MAC|DECRYPTION_FAILED/.test(code + text)) return false;
  return (
    /CERT|ERR_TLS|ERR_SSL|ERR_OSSL|UNABLE_TO_|SELF_SIGNED|^EPROTO$/.test(code) ||
    (code === "" && /certificate|SSL routines|tlsv1 alert|sslv3 alert/i.test(text))
  );
}
