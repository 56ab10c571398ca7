// How many heartbeats may come in at a time, and onto how full a disk.

import { type Admission, createAdmission } from "../episodes/admission.ts";
import type { Room } from "../room.ts";
import { POLICY } from "./decide.ts";

/**
 * Slots of their own for heartbeats: they take none from the uploads, and room above the reserve only.
 * @param reserveBytes the reserve that holds now
 * @param room what the data root's disk still takes, less what running uploads still have to write
 */
export function createHeartbeatAdmission(reserveBytes: () => number, room: () => Room): Admission {
  const { atOnce, atOncePerHost } = POLICY;
  const own = { uploadsTotal: atOnce, uploadsPerHost: atOncePerHost };
  return createAdmission(() => ({ ...own, diskReserveBytes: reserveBytes() }), room);
}
