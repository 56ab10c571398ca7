import { expect, test } from "bun:test";
import { counted } from "../../../lib/core/text/quantity.ts";

test("one of a thing has no s, none and many have", () => {
  expect([0, 1, 2].map((count) => counted(count, "episode"))).toEqual(["0 episodes", "1 episode", "2 episodes"]);
  expect([1, 3].map((count) => counted(count, "row claims", "rows claim"))).toEqual(["1 row claims", "3 rows claim"]);
});
