// How many heartbeats may come in at a time, and onto how full a disk.

import { type Admission, createAdmission } from "../admission.ts";
import { POLICY } from "./decide.ts";

/**
 * Slots of their own for heartbeats: they take none from the uploads, and room above the reserve only.
 * @param freeBytes what may still be written on the data root's disk, less what running uploads still have to write
 */
export function createHeartbeatAdmission(diskReserveBytes: number, freeBytes: () => number): Admission {
  const { atOnce, atOncePerHost } = POLICY;
  return createAdmission({ uploadsTotal: atOnce, uploadsPerHost: atOncePerHost, diskReserveBytes }, freeBytes);
}
