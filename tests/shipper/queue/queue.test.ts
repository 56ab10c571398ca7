// What comes next. Times are arguments; cost is counted in looks at entries.

import { describe, expect, test } from "bun:test";
import { newEntry } from "../../../lib/shipper/queue/entry.ts";
import { Queue } from "../../../lib/shipper/queue/queue.ts";
import { seededRandom } from "../../support/random.ts";

const episodes = (...list: [id: string, finishedMs: number][]) => list.map(([id, finishedMs]) => ({ id, finishedMs }));

/** Packs whatever is due and returns the ids in order. */
function drain(queue: Queue, nowMs = 0): string[] {
  const ids: string[] = [];
  for (let entry = queue.nextToPack(nowMs); entry !== null; entry = queue.nextToPack(nowMs)) {
    ids.push(entry.id);
    queue.move(entry, "packing");
  }
  return ids;
}

describe("the next episode to pack", () => {
  test("is the oldest, and of two of one age the first by name", () => {
    const queue = new Queue();
    queue.add(episodes(["c", 3], ["b", 1], ["a", 1]));
    queue.add(episodes(["d", 0]));
    expect(drain(queue)).toEqual(["d", "a", "b", "c"]);
  });

  test("is given once, however often it is added", () => {
    const queue = new Queue();
    queue.add(episodes(["a", 1]));
    queue.add(episodes(["a", 1], ["b", 2]));
    expect(drain(queue)).toEqual(["a", "b"]);
    queue.add(episodes(["a", 1]));
    expect([drain(queue), queue.size]).toEqual([[], 2]);
  });

  test("is one in back-off only when its time has come, and then by age among the fresh", () => {
    const queue = new Queue();
    const early = newEntry("early", 1, "waiting");
    early.notBeforeMs = 100;
    queue.restore(early);
    queue.add(episodes(["late", 5]));
    expect(queue.nextToPack(99)?.id).toBe("late");
    queue.add(episodes(["later", 6]));
    expect(queue.nextToPack(100)?.id).toBe("early");
    expect(queue.nextToPack(100)?.id).toBe("early"); // until it is moved
  });

  test("is none for one that was taken away, and given once when it comes back", () => {
    const queue = new Queue();
    queue.add(episodes(["a", 1], ["b", 2]));
    queue.forgetWaiting((id) => id === "a");
    expect(queue.has("a")).toBe(false);
    queue.add(episodes(["a", 1]));
    expect(drain(queue)).toEqual(["a", "b"]);
  });
});

describe("adding to a long queue", () => {
  /** Episodes that count how often their times are looked at. */
  function counted(count: number) {
    const looks = { times: 0 };
    const list = Array.from({ length: count }, (_, i) => ({
      id: `ep${String(i).padStart(6, "0")}`,
      get finishedMs() {
        looks.times++;
        return i;
      },
    }));
    return { list, looks };
  }

  test("one that is newer than all costs a look or two, and not one for each that waits", () => {
    const { list, looks } = counted(20_000);
    const queue = new Queue();
    queue.add(list);
    expect(queue.nextToPack(0)?.id).toBe("ep000000");
    looks.times = 0;
    for (let n = 0; n < 10; n++) queue.add([{ id: `new${n}`, finishedMs: 20_000 + n }]);
    expect(looks.times).toBeLessThanOrEqual(10);
    expect(queue.size).toBe(20_010);
  });

  test("whatever comes and goes in between, the order is that of their times, and each is given once", () => {
    const random = seededRandom(11);
    const queue = new Queue();
    const waiting = new Map<string, number>();
    const given: string[] = [];
    for (let round = 0; round < 300; round++) {
      const some = Array.from({ length: 5 }, () => random.between(0, 199));
      const added = some.map((n): [string, number] => [`e${n}`, n % 50]).filter(([id]) => !given.includes(id));
      queue.add(episodes(...added));
      for (const [id, at] of added) waiting.set(id, at);
      const gone = `e${random.between(0, 199)}`;
      queue.forgetWaiting((id) => id === gone);
      waiting.delete(gone);
      if (round % 3 !== 0) continue;
      const oldest = [...waiting].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))[0]?.[0];
      const entry = queue.nextToPack(0);
      expect(entry?.id).toBe(oldest as string);
      if (entry === null) continue;
      queue.move(entry, "packing");
      given.push(entry.id);
      waiting.delete(entry.id);
    }
    expect([...waiting.keys(), ...given].length).toBe(queue.size);
    expect(drain(queue)).toEqual([...waiting].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)).map(([id]) => id));
  });
});

describe("forgetting what somebody took away", () => {
  test("leaves what is being worked on", () => {
    const queue = new Queue();
    for (const stage of ["waiting", "packing", "packed", "sending", "held"] as const) {
      queue.restore(newEntry(stage, 1, stage));
    }
    queue.add(episodes(["fresh", 1]));
    queue.forgetWaiting(() => true);
    const all = ["waiting", "packing", "packed", "sending", "held", "fresh"];
    expect(all.filter((id) => queue.has(id))).toEqual(["packing", "packed", "sending"]);
  });
});

describe("sending", () => {
  test("takes the packed episode that has been due longest", () => {
    const queue = new Queue();
    const [old, young] = [newEntry("old", 1, "packed"), newEntry("young", 2, "packed")];
    old.notBeforeMs = 50;
    queue.restore(young);
    queue.restore(old);
    expect([queue.nextToSend(49)?.id, queue.readyToSend(49)]).toEqual(["young", 1]);
    expect([queue.nextToSend(50)?.id, queue.readyToSend(50)]).toEqual(["young", 2]);
    queue.move(young, "held");
    expect(queue.nextToSend(50)?.id).toBe("old");
    queue.move(old, "sending");
    expect(queue.nextToSend(50)).toBeNull();
  });

  test("is next due at the earliest time that is not over yet", () => {
    const queue = new Queue();
    expect(queue.nextDueMs(0)).toBeNull();
    for (const [id, stage, due] of [
      ["a", "packed", 30],
      ["b", "waiting", 20],
      ["c", "held", 10],
      ["d", "packed", 5],
    ] as const) {
      queue.restore({ ...newEntry(id, 1, stage), notBeforeMs: due });
    }
    expect([queue.nextDueMs(0), queue.nextDueMs(5), queue.nextDueMs(20), queue.nextDueMs(30)]).toEqual([
      5,
      20,
      30,
      null,
    ]);
  });
});

describe("counts", () => {
  test("of an empty queue are nothing", () => {
    expect(new Queue().counts()).toEqual({
      pending: 0,
      packed: 0,
      sending: 0,
      retrying: 0,
      held: 0,
      oldestFinishedMs: null,
    });
  });

  test("tell stages apart, and the oldest of all", () => {
    const queue = new Queue();
    queue.add(episodes(["fresh", 7]));
    queue.restore({ ...newEntry("p", 9, "packed"), failures: 2 });
    queue.restore({ ...newEntry("h", 3, "held"), failures: 1 });
    queue.restore(newEntry("s", 8, "sending"));
    expect(queue.counts()).toEqual({ pending: 4, packed: 1, sending: 1, retrying: 1, held: 1, oldestFinishedMs: 3 });
    queue.remove("h");
    expect(queue.counts()).toMatchObject({ pending: 3, held: 0, oldestFinishedMs: 7 });
  });

  test("forget an episode that was taken away before its turn", () => {
    const queue = new Queue();
    queue.add(episodes(["a", 1], ["b", 2]));
    queue.forgetWaiting((id) => id === "a");
    expect(queue.counts()).toMatchObject({ pending: 1, oldestFinishedMs: 2 });
  });
});

test("a stage that does not exist is a bug and says so", () => {
  const stage: string = "nowhere";
  // As a caller without types would.
  expect(() => new Queue().inStage(stage as "waiting")).toThrow("none named nowhere");
});

describe("100,000 episodes", () => {
  const COUNT = 100_000;
  let looks = 0;
  /** An episode that counts how often it is looked at. */
  const counted = (id: string, finishedMs: number) => ({
    get id() {
      looks++;
      return id;
    },
    get finishedMs() {
      looks++;
      return finishedMs;
    },
  });

  test("are sorted once and taken out with a few looks each", () => {
    const random = seededRandom(7);
    const queue = new Queue();
    const all = Array.from({ length: COUNT }, (_, i) => counted(`ep${i}`, random.between(0, 1_000_000_000)));
    looks = 0;
    queue.add(all);
    // A merge sort of 100,000 compares at most 17 times each, two looks a comparison.
    expect(looks).toBeLessThan(COUNT * 40);
    looks = 0;
    let last = -1;
    for (let i = 0; i < COUNT; i++) {
      const entry = queue.nextToPack(0);
      if (entry === null) throw new Error(`only ${i} episodes came out`);
      if (entry.finishedMs < last) throw new Error("not the oldest first");
      last = entry.finishedMs;
      for (const stage of ["packing", "packed", "sending"] as const) queue.move(entry, stage);
      queue.remove(entry.id);
    }
    expect(looks).toBeLessThan(COUNT * 8);
    expect([queue.size, queue.nextToPack(0)]).toEqual([0, null]);
  });

  test("that are known already cost one look each when they are added again", () => {
    const queue = new Queue();
    const all = Array.from({ length: COUNT }, (_, i) => counted(`ep${i}`, i));
    queue.add(all);
    looks = 0;
    queue.add(all);
    expect(looks).toBe(COUNT);
  });

  test("that wait cost nothing when the next to send or the counts are asked for", () => {
    const queue = new Queue();
    queue.add(Array.from({ length: COUNT }, (_, i) => counted(`ep${i}`, i)));
    queue.restore(newEntry("packed", 1, "packed"));
    looks = 0;
    queue.nextToSend(0);
    queue.readyToSend(0);
    queue.nextDueMs(0);
    queue.counts();
    expect(looks).toBeLessThan(10);
  });
});
