// How long the end of a check may take: the waits of process.ts and those that it calls, in one table, because their
// sums are promises. Milliseconds.

export const CHECK_TIMING_MS = {
  /** Outputs that are still open so long after the check's end are held by somebody else; waited for twice at most. */
  drain: 90,
  /** Between two looks at outputs or at a cgroup that end; a wait may be longer by one of them. */
  look: 5,
  /** Looking for the members of a session, twice at most. */
  scan: 30,
  /** A process that SIGKILL has not ended after so long is given up. */
  giveUp: 700,
} as const;
