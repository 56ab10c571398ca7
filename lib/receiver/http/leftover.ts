// What becomes of the rest of a body that is refused before it was read. It is read and thrown away, for an answer's sake: a
// client that writes everything before it reads would meet a reset instead. But it never passes for the next request, and who
// has not shown who it is makes us read little: a few bodies at a time, slowly, and the others not at all.

/**
 * `none`: nothing is left; `read`: it is read and thrown away, and then the next request comes; `last`: the same, but nothing
 * is served after it, and our side ends with the answer; `leave`: it is not read, and nothing is served any more.
 */
export type Leftover = "none" | "read" | "last" | "leave";

export interface Rest {
  /** Bytes of the body that were not read; `unknown`: nobody knows where it ends. */
  left: number | "unknown";
  /** The client waits for `100 Continue`, and none was sent. */
  awaited: boolean;
  /** Whether this sender may make us read so much. Asked last, and only where it matters. */
  mayRead: (bytes: number) => boolean;
}

/** Pure but for `mayRead`. */
export function decideLeftover({ left, awaited, mayRead }: Rest): Leftover {
  if (left === 0) return "none";
  if (left === "unknown" || !mayRead(left)) return "leave";
  // After a refusal a client may send its body all the same, or its next request in its place (RFC 9110 §10.1.1): no reader
  // can tell the two apart.
  return awaited ? "last" : "read";
}

/** Up to this a body is most likely in our buffers already, bytes: to read it costs less than a new connection. */
const SMALL_BYTES = 64 * 1024;
/** Larger ones of senders that are not known: so many at a time, in all and of one address. */
const AT_ONCE = { total: 16, ofAddress: 2 };

export interface Leftovers {
  /**
   * Whether the rest of a body of an unknown sender may be read now.
   * @returns null: no; else the function that gives its place back
   */
  enter(address: string, bytes: number): (() => void) | null;
}

export function createLeftovers(): Leftovers {
  const ofAddress = new Map<string, number>();
  let total = 0;
  return {
    enter(address, bytes) {
      if (bytes <= SMALL_BYTES) return () => undefined;
      const own = ofAddress.get(address) ?? 0;
      if (total >= AT_ONCE.total || own >= AT_ONCE.ofAddress) return null;
      total++;
      ofAddress.set(address, own + 1);
      return () => {
        total--;
        const others = (ofAddress.get(address) ?? 1) - 1;
        if (others === 0) ofAddress.delete(address);
        else ofAddress.set(address, others);
      };
    },
  };
}
