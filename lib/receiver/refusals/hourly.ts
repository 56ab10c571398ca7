// What many requests meet while it lasts, as a disk that takes nothing: said when it begins, when it becomes another thing, and once
// an hour. Pure: the clock is an argument.

const HOUR_MS = 3_600_000;

export interface Hourly {
  /** Whether this is to be said now. @param what the same as long as it is the same trouble */
  isDue(what: string): boolean;
  /** It is well again: what comes next is news. */
  isOver(): void;
}

/** @param everyMs how long it is not said again */
export function createHourly(nowMs: () => number, everyMs = HOUR_MS): Hourly {
  let said: { what: string; atMs: number } | null = null;
  return {
    isDue(what) {
      // A clock that was set says it once more.
      if (said?.what === what && Math.abs(nowMs() - said.atMs) < everyMs) return false;
      said = { what, atMs: nowMs() };
      return true;
    },
    isOver() {
      said = null;
    },
  };
}
