// What many requests meet while it lasts is said once, when it changes, and once an hour.

import { expect, test } from "bun:test";
import { createHourly } from "../../../lib/receiver/refusals/hourly.ts";

test("at its beginning, when it changes, after an hour, and after it was well", () => {
  let nowMs = 0;
  const said = createHourly(() => nowMs);
  expect([said.isDue("EROFS"), said.isDue("EROFS")]).toEqual([true, false]);
  nowMs = 3_599_999;
  expect(said.isDue("EROFS")).toBe(false);
  nowMs = 3_600_000;
  expect([said.isDue("EROFS"), said.isDue("EROFS")]).toEqual([true, false]);
  expect([said.isDue("EIO"), said.isDue("EIO"), said.isDue("EROFS")]).toEqual([true, false, true]);
  said.isOver();
  expect(said.isDue("EROFS")).toBe(true);
  nowMs = 0;
  expect(said.isDue("EROFS")).toBe(true);
});
