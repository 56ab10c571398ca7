// Whose turn it is, and which archive gives way: a new episode has its turns among many that fail.

import { describe, expect, test } from "bun:test";
import { type Entry, newEntry } from "../../../lib/shipper/queue/entry.ts";
import { Queue } from "../../../lib/shipper/queue/queue.ts";

/** So many archives lie in the outbox for their next try. */
const SPARES = 8;

const tried = (id: string, finishedMs: number, stage: Entry["stage"], notBeforeMs: number): Entry => {
  return { ...newEntry(id, finishedMs, stage), failures: 1, notBeforeMs };
};

/** A queue with so many archives that wait for another try, the last one until `lastMs`. */
function spares(count: number, lastMs: number): Queue {
  const queue = new Queue();
  for (let n = 0; n < count; n++) queue.restore(tried(`spare${n}`, n, "packed", lastMs - n));
  return queue;
}

describe("an episode that was tried before", () => {
  test("is packed again while there is room for archives that wait for another try", () => {
    const queue = spares(SPARES - 1, 10);
    queue.restore(tried("again", 0, "waiting", 50));
    expect(queue.nextToPack(100)?.id).toBe("again");
  });

  for (const [dueMs, id] of [
    [49, "again"],
    [50, undefined],
    [51, undefined],
  ] as const) {
    test(`due at ${dueMs} ${id ? "takes" : "does not take"} the place of one due at 50: two are not packed in turns for nothing`, () => {
      const queue = spares(SPARES, 50);
      queue.restore(tried("again", 0, "waiting", dueMs));
      expect(queue.nextToPack(100)?.id).toBe(id as string);
    });
  }

  test("is no hindrance to a fresh one, though it is older", () => {
    const queue = spares(SPARES, 10);
    queue.restore(tried("again", 0, "waiting", 50));
    queue.add([{ id: "fresh", finishedMs: 5 }]);
    expect(queue.nextToPack(100)?.id).toBe("fresh");
  });

  test("is packed again after those that were not tried, and of two the one that has waited longer goes first", () => {
    const queue = new Queue();
    queue.restore(tried("old", 1, "waiting", 50));
    queue.restore(tried("older", 0, "waiting", 60));
    queue.restore({ ...newEntry("untried", 2, "waiting"), notBeforeMs: 70 });
    const order: string[] = [];
    for (let entry = queue.nextToPack(100); entry !== null; entry = queue.nextToPack(100)) {
      order.push(entry.id);
      queue.move(entry, "packing");
    }
    expect(order).toEqual(["untried", "old", "older"]);
  });
});

test("on the line whoever has waited longest goes first: a new one between two that failed, however old they are", () => {
  const queue = new Queue();
  queue.restore(tried("oldest", 1, "packed", 30));
  queue.restore(tried("old", 2, "packed", 20));
  queue.add([{ id: "new", finishedMs: 3 }]);
  const fresh = queue.nextToPack(25);
  if (fresh !== null) queue.move(fresh, "packed");
  const order: string[] = [];
  for (let entry = queue.nextToSend(40); entry !== null; entry = queue.nextToSend(40)) {
    order.push(entry.id);
    queue.move(entry, "sending");
  }
  expect(order).toEqual(["old", "new", "oldest"]);
});
