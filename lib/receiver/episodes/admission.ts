// Who is being let in: counts uploads in all and per host, and what they still have to write, for decideAdmission.

import { type AdmissionLimits, decideAdmission, type Refusal } from "../decide.ts";
import type { Room } from "../room.ts";

export interface Slot {
  kind: "slot";
  /** Notes bytes that are on the disk now and no longer to come. */
  wrote(bytes: number): void;
  leave(): void;
}

/** Most uploads are over by then: what is told of the others is written to the disk. */
const LONG_MS = 15_000;

/** An upload that there was no room for. */
export interface NoRoom {
  atMs: number;
  host: string;
  bytes: number;
}

export interface Admission {
  readonly uploads: number;
  readonly outstandingBytes: number;
  /** The newest that there was no room for, asked about or sent; null: none yet. */
  readonly noRoom: NoRoom | null;
  /** When bytes of those that are under way, and not only for a moment, were last written, by host, milliseconds since 1970. */
  moving(): ReadonlyMap<string, number>;
  enter(host: string, bytes: number): Slot | Refusal;
  /** What `enter` would say now; null: it would let it in. */
  ask(host: string, bytes: number): Refusal | null;
}

/**
 * @param limits those that hold now
 * @param room what the data root's disk still takes
 * @param moved called whenever bytes of an upload reached the disk
 */
export function createAdmission(
  limits: () => AdmissionLimits,
  room: () => Room,
  moved: () => void = () => undefined,
  nowMs: () => number = Date.now,
): Admission {
  const perHost = new Map<string, number>();
  const movedMs = new Map<string, number>();
  let uploads = 0;
  let outstandingBytes = 0;
  let noRoom: NoRoom | null = null;
  const ask = (host: string, bytes: number): Refusal | null => {
    const uploadsOfHost = perHost.get(host) ?? 0;
    const refusal = decideAdmission({ uploads, uploadsOfHost, room: room(), outstandingBytes }, limits(), bytes);
    if (refusal?.reason === "disk-full") noRoom = { atMs: nowMs(), host, bytes };
    return refusal;
  };
  return {
    ask,
    get uploads() {
      return uploads;
    },
    get outstandingBytes() {
      return outstandingBytes;
    },
    get noRoom() {
      return noRoom;
    },
    moving: () => movedMs,
    enter(host, bytes) {
      const refusal = ask(host, bytes);
      if (refusal !== null) return refusal;
      let left = bytes;
      const enteredMs = nowMs();
      uploads++;
      outstandingBytes += bytes;
      perHost.set(host, (perHost.get(host) ?? 0) + 1);
      return {
        kind: "slot",
        wrote(count) {
          left -= count;
          outstandingBytes -= count;
          if (nowMs() - enteredMs >= LONG_MS) movedMs.set(host, nowMs());
          moved();
        },
        leave() {
          uploads--;
          outstandingBytes -= left;
          const others = (perHost.get(host) ?? 1) - 1;
          if (others > 0) perHost.set(host, others);
          else {
            perHost.delete(host);
            movedMs.delete(host);
          }
        },
      };
    },
  };
}
