// When a host is late, and its clock off: for everybody who shows one. Pure.

export const HOST_POLICY = {
  /** A host is late after so many of its own intervals and seconds: one lost heartbeat makes nobody late. */
  lateIntervals: 2,
  lateGraceS: 30,
  /** The host's clock is off by more than this, seconds. */
  clockOffS: 120,
  /** What came this much later than now, seconds: the collector's own clock was set back, and nobody knows how old it is. */
  aheadS: 120,
} as const;
