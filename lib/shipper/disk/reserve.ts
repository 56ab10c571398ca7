// The reserve is kept for those who record, whether anything waits to be packed or not: a recorder that meets a full disk finishes
// no episode, and nothing would ever ask for room.

import { RECHECK_S } from "../queue/waits.ts";
import type { Room } from "./packing-room.ts";

export interface ReserveDeps {
  /** Makes so many bytes free by what may be removed; whether they are. */
  freeSpace: (bytes: number) => Promise<boolean>;
  reserveBytes: () => number;
  room: Pick<Room, "isNone" | "isKept">;
  /** Milliseconds that never jump. */
  now: () => number;
  fail: (error: unknown) => void;
}

/** @returns to be called at each pass: looks now and then, one look at a time, and is not to be waited for */
export function keepReserve({ freeSpace, reserveBytes, room, now, fail }: ReserveDeps): () => void {
  let nextMs = Number.NEGATIVE_INFINITY;
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (await freeSpace(reserveBytes())) room.isKept();
    else room.isNone();
  };
  return () => {
    if (isLooking || now() < nextMs) return;
    isLooking = true;
    look()
      .catch(fail)
      .finally(() => {
        isLooking = false;
        nextMs = now() + RECHECK_S * 1000;
      });
  };
}
