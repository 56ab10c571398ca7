// Is the work moving? The watchdog is fed only while it is: a slow upload lives, a hung pack dies.

export interface Work {
  /** Something moved: bytes, a file, a step. */
  moved(): void;
  done(): void;
}

export interface Progress {
  /** Registers work that must move at least every `limitS` seconds until it is done. */
  begin(name: string, limitS: number): Work;
  /** The first work that has stood still too long, with the seconds, or null. */
  stuck(): { name: string; seconds: number } | null;
  /** Something moved that has no time limit of its own here. */
  moved(): void;
  /** When anything moved last, by the same clock; the start if nothing did. */
  readonly movedAt: number;
}

/** @param now a clock in milliseconds that never jumps (performance.now) */
export function createProgress(now: () => number): Progress {
  const works = new Map<object, { name: string; limitMs: number; movedAt: number }>();
  let latest = now();
  return {
    begin(name, limitS) {
      const entry = { name, limitMs: limitS * 1000, movedAt: now() };
      works.set(entry, entry);
      return {
        moved: () => {
          latest = entry.movedAt = now();
        },
        done: () => {
          latest = now();
          works.delete(entry);
        },
      };
    },
    moved() {
      latest = now();
    },
    get movedAt() {
      return latest;
    },
    stuck() {
      for (const { name, limitMs, movedAt } of works.values()) {
        if (now() - movedAt > limitMs) return { name, seconds: Math.round((now() - movedAt) / 1000) };
      }
      return null;
    },
  };
}
