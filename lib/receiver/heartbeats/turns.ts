// Work on many items that leaves the event loop its turns: none of it holds up requests for longer than a slice takes.

import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * What `work` makes of each item, in order.
 * @param perTurn items between two turns of the event loop
 */
export async function mapInTurns<T, R>(
  items: readonly T[],
  perTurn: number,
  work: (item: T) => R,
  turn: () => Promise<unknown> = nextTurn,
): Promise<R[]> {
  const made: R[] = [];
  for (const [i, item] of items.entries()) {
    if (i > 0 && i % perTurn === 0) await turn();
    made.push(work(item));
  }
  return made;
}
