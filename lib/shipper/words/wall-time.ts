// Times of the engine's clock as people read them. The wall clock may be set while the shipper runs: a host without a battery
// boots in 1970, and NTP answers later. What began before that is told by how long it has lasted since, and never by what the
// wall clock said then. Pure.

/** The two clocks are read one after the other, and NTP slews: a smaller change is no step, milliseconds. */
const STEP_MS = 1000;

/**
 * How far the wall clock is ahead of the engine's, milliseconds. It stays the same until the wall clock is set, so that no time
 * that is told moves from report to report.
 * @param before as of the last time; null at the first
 */
export function steadyOffset(before: number | null, wallMs: number, nowMs: number): number {
  const measured = wallMs - nowMs;
  return before !== null && Math.abs(measured - before) < STEP_MS ? before : measured;
}

/** A time of the engine's clock, ISO 8601 in UTC. */
export function wallTime(engineMs: number, offsetMs: number): string {
  return new Date(engineMs + offsetMs).toISOString();
}
