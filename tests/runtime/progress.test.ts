// Is the work moving? The clock is an argument.

import { expect, test } from "bun:test";
import { createProgress } from "../../lib/runtime/progress.ts";

function progressAt() {
  const clock = { ms: 0 };
  return { clock, progress: createProgress(() => clock.ms) };
}

test("nothing is stuck when there is no work, however long that lasts", () => {
  const { clock, progress } = progressAt();
  clock.ms = 1e12;
  expect(progress.stuck()).toBeNull();
});

test("work is stuck when it stood still for longer than its limit, and not at the limit", () => {
  const { clock, progress } = progressAt();
  progress.begin("packing of ep", 120);
  clock.ms = 120_000;
  expect(progress.stuck()).toBeNull();
  clock.ms = 120_001;
  expect(progress.stuck()).toEqual({ name: "packing of ep", seconds: 120 });
  clock.ms = 300_000;
  expect(progress.stuck()?.seconds).toBe(300);
});

test("a slow work that moves now and then is never stuck", () => {
  const { clock, progress } = progressAt();
  const work = progress.begin("upload", 10);
  for (let i = 0; i < 1000; i++) {
    clock.ms += 9_999;
    work.moved();
    expect(progress.stuck()).toBeNull();
  }
});

test("one that moves does not hide another that does not", () => {
  const { clock, progress } = progressAt();
  const upload = progress.begin("upload", 10);
  progress.begin("packing", 10);
  clock.ms = 10_001;
  upload.moved();
  expect(progress.stuck()?.name).toBe("packing");
});

test("work that is done is forgotten, also when it was stuck, and each of two of one name counts", () => {
  const { clock, progress } = progressAt();
  const works = [progress.begin("scan", 1), progress.begin("scan", 1)] as const;
  clock.ms = 5000;
  works[0].done();
  expect(progress.stuck()).toEqual({ name: "scan", seconds: 5 });
  works[1].done();
  works[1].done();
  works[1].moved();
  expect(progress.stuck()).toBeNull();
});
