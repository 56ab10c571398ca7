// A second look at an address where a request has failed: the errno that the runtime does not pass on, and the certificate that
// it does not show once it has refused it. Sends nothing of a request, and no credential; never waits for longer than allowed.

import { isIPv6 } from "node:net";
import { constants } from "node:os";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { beginConnect, closeDescriptor, connectErrno } from "../os/socket-calls.ts";
import type { TlsFiles } from "./upload.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const LOOK_MS = 20;

const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/**
 * Why no TCP connection to an address comes about; null: one does, or nothing was heard in time. Bun says ECONNREFUSED for a
 * network that cannot be reached, too, and for a host that does not answer.
 */
export async function connectCode(address: string, port: number, limitMs: number): Promise<string | null> {
  const fd = beginConnect(sockaddrOf(address, port));
  if (fd < 0) return nameOf(-fd);
  try {
    const end = performance.now() + limitMs;
    for (;;) {
      const errno = connectErrno(fd);
      if (errno !== null) return errno === 0 ? null : nameOf(errno);
      if (performance.now() >= end) return null;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    closeDescriptor(fd);
  }
}

function nameOf(errno: number): string {
  return ERRNO_NAMES.get(errno) ?? `errno ${errno}`;
}

function sockaddrOf(address: string, port: number): Buffer {
  const isLong = isIPv6(address);
  const sockaddr = Buffer.alloc(isLong ? 28 : 16);
  sockaddr.writeUInt16LE(isLong ? AF_INET6 : AF_INET, 0);
  sockaddr.writeUInt16BE(port, 2);
  if (isLong) ipv6Bytes(address).copy(sockaddr, 8);
  else for (const [at, part] of address.split(".").entries()) sockaddr[4 + at] = Number(part);
  return sockaddr;
}

/** The 16 bytes of an address; the URL parser writes it out in one form. */
function ipv6Bytes(address: string): Buffer {
  const plain = new URL(`http://[${address.split("%")[0]}]/`).hostname.slice(1, -1);
  const [head = "", tail] = plain.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const last = tail === undefined ? [] : groups(tail);
  const first = groups(head);
  const zeros = new Array<string>(8 - first.length - last.length).fill("0");
  return Buffer.from([...first, ...zeros, ...last].map((group) => group.padStart(4, "0")).join(""), "hex");
}

/** What a certificate says of itself: for messages, since nothing has proved it. */
export interface PeerCertificate {
  validFrom: Date;
  validTo: Date;
  /** Names and addresses it is for: `collector.wg`, `10.77.0.11`. */
  names: string[];
  subject: string;
  issuer: string;
}

export interface Target {
  /** The name in the URL, for SNI. */
  host: string;
  address: string;
  port: number;
}

/** The certificate that a port shows; null: it speaks no TLS, or gave none in time. */
export function peerCertificate(target: Target, limitMs: number): Promise<PeerCertificate | null> {
  return lookOver(target, {}, limitMs, (socket, tell) => {
    socket.on("secureConnect", () => tell(certificateOf(socket.getPeerCertificate(false))));
    for (const event of ["error", "close", LATE]) socket.on(event, () => tell(null));
  });
}

/** Whether a port closes the connection after the handshake, though it was asked nothing yet. */
export function hangsUp(target: Target, { ca, cert, key }: TlsFiles, limitMs: number): Promise<boolean> {
  const files = { ...(ca !== null && { ca }), ...(cert !== null && { cert }), ...(key !== null && { key }) };
  return lookOver(target, files, limitMs, (socket, tell) => {
    let isOpen = false;
    socket.on("secureConnect", () => {
      isOpen = true;
    });
    for (const event of ["error", "end", "close"]) socket.on(event, () => tell(isOpen));
    socket.on(LATE, () => tell(false));
    socket.resume();
  });
}

const LATE = "late";

/** Nothing is sent to whoever that is, and nothing of it is believed. */
function lookOver<T>(
  { host, address, port }: Target,
  files: Partial<Record<"ca" | "cert" | "key", string>>,
  limitMs: number,
  look: (socket: TLSSocket, tell: (seen: T) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve) => {
    const servername = host === address ? "" : host;
    const socket = connectTls({ host: address, port, servername, rejectUnauthorized: false, ...files });
    const timer = setTimeout(() => socket.emit(LATE), limitMs);
    look(socket, (seen) => {
      clearTimeout(timer);
      resolve(seen);
      socket.destroy();
    });
  });
}

type Shown = Partial<Record<"valid_from" | "valid_to" | "subjectaltname", string>> &
  Partial<Record<"subject" | "issuer", Partial<Record<string, string | string[]>>>>;

function certificateOf(shown: Shown | null): PeerCertificate | null {
  if (shown?.valid_from === undefined || shown.valid_to === undefined) return null;
  const names = (shown.subjectaltname ?? "").split(", ").filter((name) => name !== "");
  const common = (of: Shown["issuer"]): string => String(of?.CN ?? of?.O ?? "");
  return {
    validFrom: new Date(shown.valid_from),
    validTo: new Date(shown.valid_to),
    names: names.map((name) => name.replace(/^(?:DNS|IP Address|IP):/, "")),
    subject: common(shown.subject),
    issuer: common(shown.issuer),
  };
}
