// What is asked of a socket beside Node's own calls. Bun's `pause` holds back what is read, but reads once more first: half a
// MiB of each connection, for nobody (Bun 1.4.5).

import type { Socket } from "node:net";
import { unacknowledgedBytes } from "../../os/socket-calls.ts";

/** Pauses a socket; `resume` reads on. */
export function pauseNow(socket: Socket): void {
  // Not in Node's types, but there in Node and in Bun; without it the socket is paused a little later.
  const handle: unknown = "_handle" in socket ? socket._handle : null;
  if (hasPause(handle)) handle.pause();
  socket.pause();
}

function hasPause(handle: unknown): handle is { pause(): void } {
  return typeof handle === "object" && handle !== null && "pause" in handle && typeof handle.pause === "function";
}

/** Bytes of a socket that the kernel holds until the peer acknowledges them; null: it cannot be told. */
export function unsentBytes(socket: Socket): number | null {
  // Not in Node's types, but it is what the file descriptor is called there and in Bun; without it we count less well.
  const handle: unknown = "_handle" in socket ? socket._handle : null;
  const fd =
    typeof handle === "object" && handle !== null && "fd" in handle && typeof handle.fd === "number" ? handle.fd : -1;
  return fd >= 0 ? unacknowledgedBytes(fd) : null;
}
