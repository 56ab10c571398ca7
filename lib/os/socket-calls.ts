// Sockets beside Bun's own: what a peer has acknowledged, a connection's true errno, and unix sockets that never wait.

import { at, errno, libc } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 0x80801;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const EINPROGRESS = 115;
const ENAMETOOLONG = 36;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;
const SIOCOUTQ = 0x5411;
const POLLOUT = 4;
const F_SETFL = 4;

const pollfd = Buffer.alloc(8);
const outq = new Int32Array(1);

/** Bytes of a TCP socket that the peer has not acknowledged yet (SIOCOUTQ, tcp(7)); null when it cannot be told. */
export function unacknowledgedBytes(fd: number): number | null {
  return libc().ioctl(fd, SIOCOUTQ, at(outq)) === 0 ? (outq[0] ?? null) : null;
}

/**
 * Begins a TCP connection and does not wait for it.
 * @param sockaddr a struct sockaddr_in or sockaddr_in6
 * @returns its descriptor, to be asked with `connectErrno` and closed; or the errno below 0
 */
export function beginConnect(sockaddr: Buffer): number {
  const fd = libc().socket(sockaddr.readUInt16LE(0), SOCK_STREAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) return -errno();
  if (libc().connect(fd, at(sockaddr), sockaddr.length) === 0) return fd;
  const code = errno();
  if (code === EINPROGRESS) return fd;
  libc().close(fd);
  return -code;
}

const soError = new Int32Array(1);
const soLength = new Int32Array(1);

/** How a connection that was begun has ended: 0, or its errno; null: it has not ended yet. */
export function connectErrno(fd: number): number | null {
  pollfd.writeInt32LE(fd, 0);
  pollfd.writeInt32LE(POLLOUT, 4);
  if (libc().poll(at(pollfd), 1, 0) === 0) return null;
  soLength[0] = 4;
  const asked = libc().getsockopt(fd, SOL_SOCKET, SO_ERROR, at(soError), at(soLength));
  return asked === 0 ? (soError[0] ?? 0) : errno();
}

export function closeDescriptor(fd: number): void {
  libc().close(fd);
}

/** A struct sockaddr_un for a path, or for `@name` of an abstract socket; null for more than 107 bytes. */
function unixAddress(address: string): Buffer | null {
  const isAbstract = address.startsWith("@");
  const name = Buffer.from(isAbstract ? `\0${address.slice(1)}` : address);
  if (name.length > 107) return null;
  const sockaddr = Buffer.alloc(2 + name.length + (isAbstract ? 0 : 1));
  sockaddr.writeUInt16LE(AF_UNIX, 0);
  name.copy(sockaddr, 2);
  return sockaddr;
}

/**
 * Connects to a unix stream socket; never waits: one whose backlog is full refuses with EAGAIN.
 * @returns its descriptor, closed in children, whose writes wait; or the errno below 0
 */
export function connectUnixStream(path: string): number {
  const sockaddr = unixAddress(path);
  if (sockaddr === null) return -ENAMETOOLONG;
  const fd = beginConnect(sockaddr);
  if (fd >= 0) libc().fcntl(fd, F_SETFL, 0);
  return fd;
}

/**
 * Sends one datagram to a unix socket; never blocks.
 * @param address a path, or `@name` for an abstract socket; at most 107 bytes
 * @returns 0, or the errno
 */
export function sendUnixDatagram(address: string, text: string): number {
  const sockaddr = unixAddress(address);
  if (sockaddr === null) return ENAMETOOLONG;
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return errno();
  const data = Buffer.from(text);
  const sent = libc().sendto(fd, at(data), data.length, MSG_DONTWAIT_NOSIGNAL, at(sockaddr), sockaddr.length);
  const code = sent < 0n ? errno() : 0;
  libc().close(fd);
  return code;
}
