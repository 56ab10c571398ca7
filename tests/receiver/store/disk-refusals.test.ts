// Reading, and what becomes of its failures: the disk's are ours to answer for, a bug stays one.

import { expect, test } from "bun:test";
import { fromDisk } from "../../../lib/receiver/disk/disk-refusals.ts";
import { keptLog } from "../support.ts";

test("what the disk refuses is said and answered; a bug is neither", async () => {
  const log = keptLog();
  const reading = (error: unknown) => fromDisk(log, "lab1/ep1", () => Promise.reject(error));
  expect(await fromDisk(log, "lab1/ep1", async () => 7)).toBe(7);
  expect(await reading(Object.assign(new Error("i/o error"), { code: "EIO" }))).toMatchObject({
    kind: "refused",
    reason: "storage-failed",
  });
  expect(log.lines).toEqual(['error: cannot read lab1/ep1: "i/o error"']);
  expect(await reading(new TypeError("x is undefined")).catch((error: unknown) => error)).toBeInstanceOf(TypeError);
  expect(log.lines).toHaveLength(1);
});
