// The connections of a server: which are busy, which have been idle for too long, which to cut at a stop. Bun's own
// time-outs do not reach sockets that were handed over from tls, so that they are kept here for both.

import type { Socket } from "node:net";

export interface Connections {
  /** A connection was made: its first request must come within the header time-out. */
  opened(socket: Socket): void;
  /** A request began. */
  busy(socket: Socket): void;
  /** Its answer and its body are through: the next must come within the keep-alive time-out. */
  idle(socket: Socket): void;
  /** From now on connections are closed when they become idle; those that are idle, at once. */
  closeIdle(): void;
  closeAll(): void;
}

export interface IdleTimes {
  headerMs: number;
  keepAliveMs: number;
}

export function createConnections(times: IdleTimes): Connections {
  /** The timer of an idle connection; null: busy. */
  const timers = new Map<Socket, ReturnType<typeof setTimeout> | null>();
  let closing = false;
  const clear = (socket: Socket): void => {
    const timer = timers.get(socket);
    if (timer !== null) clearTimeout(timer);
  };
  const arm = (socket: Socket, ms: number): void => {
    clear(socket);
    timers.set(
      socket,
      setTimeout(() => socket.destroy(), ms),
    );
  };
  return {
    opened(socket) {
      socket.once("close", () => {
        clear(socket);
        timers.delete(socket);
      });
      if (closing) socket.destroy();
      else arm(socket, times.headerMs);
    },
    busy(socket) {
      clear(socket);
      timers.set(socket, null);
    },
    idle(socket) {
      if (!timers.has(socket)) return;
      // Not destroy(): the answer may still be on its way out.
      if (closing) socket.end();
      arm(socket, times.keepAliveMs);
    },
    closeIdle() {
      closing = true;
      for (const [socket, timer] of timers) if (timer !== null) socket.destroy();
    },
    closeAll() {
      for (const socket of timers.keys()) socket.destroy();
    },
  };
}
