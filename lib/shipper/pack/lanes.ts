// Which episodes are packed side by side: one lane for any, and others for small ones alone, so that none of them ever waits
// for one that is much larger. Pure.

const MIB = 1024 * 1024;

/** The largest episode of each lane, bytes; null for any. The lanes share one thread and take turns frame by frame. */
export const LANES: readonly (number | null)[] = [null, 1024 * MIB, 64 * MIB];

/** Whether an episode of so many bytes may use a lane; one that nobody has measured yet may try. */
export function fitsLane(bytes: number | null, maxBytes: number | null): boolean {
  return bytes === null || maxBytes === null || bytes <= maxBytes;
}
