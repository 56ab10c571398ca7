import { expect, test } from "bun:test";
import { createAdmission } from "../../../lib/receiver/episodes/admission.ts";

const T0 = Date.UTC(2026, 4, 1, 12);
const LIMITS = { uploadsTotal: 9, uploadsPerHost: 9, diskReserveBytes: 0 };

test("uploads that last are told with when their bytes last came, by host, until the last of a host has ended", () => {
  let nowMs = T0;
  const room = () => ({ freeBytes: 1e9, freeInodes: 1e6 });
  const admission = createAdmission(
    () => LIMITS,
    room,
    () => undefined,
    () => nowMs,
  );
  const enter = (host: string) => {
    const slot = admission.enter(host, 100);
    if (slot.kind !== "slot") throw new Error(slot.detail);
    return slot;
  };
  const [first, second] = [enter("lab1"), enter("lab1")];
  nowMs = T0 + 14_999;
  first.wrote(1);
  expect([...admission.moving()]).toEqual([]);
  nowMs = T0 + 15_000;
  first.wrote(1);
  expect([...admission.moving()]).toEqual([["lab1", T0 + 15_000]]);
  nowMs = T0 + 60_000;
  second.wrote(1);
  first.leave();
  expect([...admission.moving()]).toEqual([["lab1", T0 + 60_000]]);
  second.leave();
  expect([...admission.moving()]).toEqual([]);
});
