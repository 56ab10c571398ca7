// The short form of the kill loop; the long one is `bun run killloop 200`.

import { expect, test } from "bun:test";
import { failpointsOf, killLoop } from "./kill-loop.ts";

test("20 kills of shipper and receiver lose no acknowledged episode and double none", async () => {
  const report = await killLoop(20, 20260101, () => {});
  expect(report.faults).toEqual([]);
  expect(report.episodes).toBeGreaterThan(20);
}, 180_000);

test("there are fail points around the steps of both protocols", () => {
  expect(failpointsOf("shipper").length).toBeGreaterThanOrEqual(8);
  expect(failpointsOf("receiver")).toContain("receiver.before-index-fsync");
  expect(failpointsOf("receiver")).toContain("receiver.after-journal-fsync");
  expect(failpointsOf("receiver").filter((name) => name.includes("{"))).toEqual([]);
});
