// Lets concurrent callers share one flush: whoever comes while one runs takes part in the next. Pure of any disk.

/**
 * Wraps `flush` so that each call is answered by a run that began after the call.
 * @returns a function that resolves when such a run has ended, and rejects with its error
 */
export function createGroupCommit(flush: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  const start = (): Promise<void> => {
    const run = flush().finally(() => {
      if (running === run) running = null;
    });
    running = run;
    return run;
  };
  return () => {
    if (running === null) return start();
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = null;
        return start();
      });
    return next;
  };
}
