// The connections of a server: how many there may be, which one makes room for a new one, which to end at a stop. What
// anyone may hold without a token is bounded by their number, and nobody without one keeps out those who have one.

/**
 * `waiting`: for a handshake or a request; `unproved`: with one whose sender has not shown who it is; `busy`: with one of a
 * known sender; `paced`: its answer, to somebody unknown, waits for its turn; `ending`: all is said, and what still comes is thrown away.
 */
export type ConnectionState = "waiting" | "unproved" | "busy" | "paced" | "ending";

/** What this file knows of a connection. */
export interface Held {
  /** The client's, without its port. */
  readonly address: string;
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
  /** From now on those that wait for a request are ended, and nobody waits for its turn. */
  closeIdle(): void;
  /** No answer waits for its client any more. */
  cut(): void;
  closeAll(): void;
}

/** Who may make room, in this order, longest in its state first. */
const SPARE = ["ending", "paced", "unproved", "waiting"] as const satisfies readonly ConnectionState[];

/** The connections of one address. */
interface Share {
  count: number;
  spare: Record<(typeof SPARE)[number], Set<Held>>;
}

/** @param most connections at a time */
export function createConnections(most: number): Connections {
  const all = new Set<Held>();
  const shares = new Map<string, Share>();
  let closing = false;
  const forget = (connection: Held): void => {
    const share = shares.get(connection.address);
    if (share !== undefined) for (const some of Object.values(share.spare)) some.delete(connection);
  };
  const closed = (connection: Held): void => {
    if (!all.delete(connection)) return;
    forget(connection);
    const share = shares.get(connection.address);
    if (share !== undefined && --share.count === 0) shares.delete(connection.address);
  };
  return {
    get count() {
      return all.size;
    },
    makeRoom() {
      if (all.size < most) return true;
      const oldest = toGo(shares.values());
      if (oldest === null) return false;
      // Its place is free now, whenever the system tells that it has closed.
      closed(oldest);
      oldest.destroy();
      return true;
    },
    opened(connection) {
      all.add(connection);
      const share = shares.get(connection.address) ?? newShare();
      shares.set(connection.address, share);
      share.count++;
    },
    changed(connection, state) {
      forget(connection);
      if (!all.has(connection)) return; // it has made room
      if (state !== "busy") shares.get(connection.address)?.spare[state].add(connection);
      if (closing && state === "waiting") connection.destroy();
    },
    closed,
    closeIdle() {
      closing = true;
      for (const { spare } of shares.values()) for (const connection of spare.waiting) connection.destroy();
      for (const connection of all) connection.hurry();
    },
    cut() {
      for (const connection of all) connection.cut();
    },
    closeAll() {
      for (const connection of all) connection.destroy();
    },
  };
}

function newShare(): Share {
  return { count: 0, spare: { ending: new Set(), paced: new Set(), unproved: new Set(), waiting: new Set() } };
}

/** Of the address that holds most, among those that can give one up: a flood makes room for itself, and for all others. */
function toGo(shares: Iterable<Share>): Held | null {
  let found: Held | null = null;
  let most = 0;
  for (const { count, spare } of shares) {
    if (count <= most) continue;
    const state = SPARE.find((name) => spare[name].size > 0);
    const [oldest] = state === undefined ? [] : spare[state];
    if (oldest === undefined) continue;
    found = oldest;
    most = count;
  }
  return found;
}
