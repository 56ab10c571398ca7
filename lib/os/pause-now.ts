// A socket that is read no further, from now on. Bun's `pause` holds back what is read, but reads once more first: half a
// MiB of each connection, for nobody (Bun 1.4.5).

import type { Socket } from "node:net";

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
