// The connections of a server: how many there may be, which one makes room for a new one, which to end at a stop. What
// anyone may hold without a token is bounded by their number.

/**
 * `waiting`: for a handshake or a request; `busy`: with one; `paced`: its answer, a refusal, waits for its turn; `ending`: all
 * is said, and what still comes is thrown away.
 */
export type ConnectionState = "waiting" | "busy" | "paced" | "ending";

/** What this file knows of a connection. */
export interface Held {
  /** Ends a wait for its turn. */
  hurry(): void;
  /** Ends it where it waits for a client that does not take its answer. */
  cut(): void;
  destroy(): void;
}

export interface Connections {
  readonly count: number;
  /** Makes room for one more; false: all are at work. */
  makeRoom(): boolean;
  opened(connection: Held): void;
  changed(connection: Held, state: ConnectionState): void;
  closed(connection: Held): void;
  /** From now on those that wait for a request are ended, and refusals wait for nothing. */
  closeIdle(): void;
  /** No answer waits for its client any more. */
  cut(): void;
  closeAll(): void;
}

/** @param most connections at a time */
export function createConnections(most: number): Connections {
  const all = new Set<Held>();
  /** Those that may make room, in this order, longest in their state first. */
  const spare = {
    ending: new Set<Held>(),
    paced: new Set<Held>(),
    waiting: new Set<Held>(),
  } satisfies Partial<Record<ConnectionState, Set<Held>>>;
  let closing = false;
  const forget = (connection: Held): void => {
    for (const some of Object.values(spare)) some.delete(connection);
  };
  return {
    get count() {
      return all.size;
    },
    makeRoom() {
      if (all.size < most) return true;
      const [oldest] = Object.values(spare).find(({ size }) => size > 0) ?? [];
      if (oldest === undefined) return false;
      // Its place is free now, whenever the system tells that it has closed.
      all.delete(oldest);
      forget(oldest);
      oldest.destroy();
      return true;
    },
    opened: (connection) => void all.add(connection),
    changed(connection, state) {
      forget(connection);
      if (!all.has(connection)) return; // it has made room
      if (state !== "busy") spare[state].add(connection);
      if (closing && state === "waiting") connection.destroy();
    },
    closed(connection) {
      all.delete(connection);
      forget(connection);
    },
    closeIdle() {
      closing = true;
      for (const connection of spare.waiting) connection.destroy();
      for (const connection of spare.paced) connection.hurry();
    },
    cut() {
      for (const connection of all) connection.cut();
    },
    closeAll() {
      for (const connection of all) connection.destroy();
    },
  };
}
