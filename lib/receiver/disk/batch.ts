// Lets concurrent callers share one write, or one flush: whoever comes while one runs takes part in the next. Pure of any disk.

interface Waiting<T, R> extends PromiseWithResolvers<R> {
  item: T;
}

/**
 * Writes items in groups: the first one at once, and those that come while a group is written as the next group.
 * @param write writes a group; what it resolves with says, or throws, what came of each by its place; when it rejects, all of the group do
 * @returns a function that resolves with what came of its item, by a write that began after the call
 */
export function createBatch<T, R>(write: (group: readonly T[]) => Promise<(at: number) => R>): (item: T) => Promise<R> {
  let waiting: Waiting<T, R>[] = [];
  let isBusy = false;
  const run = async (): Promise<void> => {
    isBusy = true;
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        const resultAt = await write(group.map(({ item }) => item));
        for (const [at, one] of group.entries()) one.resolve(attempt(() => resultAt(at)));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    isBusy = false;
  };
  return (item) => {
    const one = { ...Promise.withResolvers<R>(), item };
    waiting.push(one);
    if (!isBusy) void run();
    return one.promise;
  };
}

async function attempt<R>(result: () => R): Promise<R> {
  return result();
}

/** Wraps `flush` so that each call is answered by a run that began after the call; it rejects with that run's error. */
export function createGroupCommit(flush: () => Promise<void>): () => Promise<void> {
  const add = createBatch<null, void>(async () => {
    await flush();
    return () => undefined;
  });
  return () => add(null);
}
