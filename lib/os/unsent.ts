// What of a socket's bytes has not arrived yet.

import type { Socket } from "node:net";
import { unacknowledgedBytes } from "./socket-calls.ts";

/** Bytes of a socket that the kernel holds until the peer acknowledges them; null: it cannot be told. */
export function unsentBytes(socket: Socket): number | null {
  // Not in Node's types, but it is what the file descriptor is called there and in Bun; without it we count less well.
  const handle: unknown = "_handle" in socket ? socket._handle : null;
  const fd =
    typeof handle === "object" && handle !== null && "fd" in handle && typeof handle.fd === "number" ? handle.fd : -1;
  return fd >= 0 ? unacknowledgedBytes(fd) : null;
}
