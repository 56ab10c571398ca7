// A map that is bounded, and what it costs to keep it so.

import { expect, test } from "bun:test";
import { forgetOldest } from "../../../lib/receiver/refusals/oldest.ts";

/** Counts how many keys are looked at. */
class Counting extends Map<number, string> {
  looks = 0;
  override keys(): MapIterator<number> {
    const all = super.keys();
    const next = all.next.bind(all);
    all.next = () => {
      this.looks++;
      return next();
    };
    return all;
  }
}

test("the first that were set go, and only as many as are too many", () => {
  const map = new Map([1, 2, 3, 4, 5].map((n) => [n, ""]));
  forgetOldest(map, 3);
  expect([...map.keys()]).toEqual([3, 4, 5]);
  forgetOldest(map, 0);
  expect(map.size).toBe(0);
});

test("one that is not full is not walked through: with 20,000 hosts each heartbeat would pay for all of them", () => {
  const map = new Counting();
  for (let n = 0; n < 20_000; n++) map.set(n, "");
  forgetOldest(map, 20_000);
  expect(map.looks).toBe(1);
  map.set(20_000, "");
  forgetOldest(map, 20_000);
  expect([map.looks, map.size, map.has(0)]).toEqual([3, 20_000, false]);
});
