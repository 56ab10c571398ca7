// What the tables of failures and of answers are asked, and what they say. Types, and how an address is shown. Pure.

import type { ReceiverEndpoint } from "../../contract/endpoint.ts";
import type { Mendable } from "../../core/finding.ts";
import type { CredentialFault } from "../credentials.ts";
import type { PeerCertificate } from "../probe.ts";
import type { Failure } from "../upload.ts";

/**
 * Whose fault it may be. `url`: something else than a receiver stands there; `stalled`, `network`: of this exchange alone, as far
 * as one can be told from it; `local`: this host's own disk or limits.
 */
export type FailureKind = "dns" | "connect" | "tls" | "credentials" | "url" | "stalled" | "network" | "local";

export interface Explanation extends Mendable {
  kind: FailureKind;
  /** For programs: by which two failures are told apart, such as `connect ECONNREFUSED` or `tls CERT_HAS_EXPIRED`. */
  reason: string;
  /**
   * True: every request would meet it, whatever it sends: nothing of this one had been sent yet, or what is wrong has been
   * seen. False: the next may get through.
   */
  immediate: boolean;
}

/** Whom was asked, and by whom. */
export interface Asked {
  hostId: string;
  receiver: ReceiverEndpoint;
  /** This host's clock at the time. */
  now: Date;
  /** The setting that holds the time-out, such as `shipper.request_timeout_s`. */
  timeoutKey: string;
}

/** What a second look has seen (diagnose.ts); null where none was taken, or where it saw nothing. */
export interface Seen {
  /** The certificate that the other side shows, whatever it is worth. */
  certificate: PeerCertificate | null;
  /** The errno of a connection to the same address, where the runtime's own word is too coarse. */
  connectCode: string | null;
  /** A port that was asked in plain HTTP speaks TLS. */
  speaksTls: boolean;
  /** It closes a connection right after the handshake, before anything was asked: as for a certificate that it does not take. */
  hangsUp: boolean;
  /** A credential that cannot be used, by its own file. */
  credential: CredentialFault | null;
}

export const NOTHING_SEEN: Seen = {
  certificate: null,
  connectCode: null,
  speaksTls: false,
  hangsUp: false,
  credential: null,
};

/** A failure with all that is known of it, for the rows of the tables. */
export interface Facts extends Asked, Seen {
  failure: Failure;
  /** `ECONNREFUSED`, …: the second look's word before the first one's; "" where there is none. */
  code: string;
  host: string;
  /** `collector.wg:8443`, and the address where the name does not say it. */
  place: string;
}

export interface Row {
  is: (facts: Facts) => boolean;
  kind: FailureKind;
  /** Second word of its reason, where no code tells it. */
  word?: string;
  immediate: boolean;
  say: (facts: Facts) => Mendable;
}

/** `collector.wg:8443 (10.77.0.11)`. */
export function placeOf(url: string, address: string | null): string {
  const { hostname, protocol, port } = new URL(url);
  const shown = `${hostname}:${port === "" ? (protocol === "https:" ? 443 : 80) : port}`;
  return address === null || hostname.replace(/^\[|\]$/g, "") === address ? shown : `${shown} (${address})`;
}

/** A time as people compare it. */
export function timeText(date: Date): string {
  return Number.isNaN(date.getTime()) ? "an unknown time" : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
