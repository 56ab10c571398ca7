// The reserve is kept whether anything waits to be packed or not.

import { expect, test } from "bun:test";
import type { LogMessage } from "../../../lib/runtime/log/log.ts";
import { Room } from "../../../lib/shipper/disk/packing-room.ts";
import { keepReserve } from "../../../lib/shipper/disk/reserve.ts";
import { newEntry } from "../../../lib/shipper/queue/entry.ts";
import { inText } from "../../support/in-text.ts";
import { quietLog } from "../../support/quiet-log.ts";

function kept() {
  const state = { nowMs: 0, isThere: false, asked: [] as number[], said: [] as string[], failed: [] as unknown[] };
  const log = {
    ...quietLog,
    warn: (line: LogMessage) => state.said.push(inText(line)),
    info: (line: LogMessage) => state.said.push(inText(line)),
  };
  const room = new Room(log, "/data", () => null);
  const look = keepReserve({
    freeSpace: async (bytes) => {
      state.asked.push(bytes);
      return state.isThere;
    },
    reserveBytes: () => 100,
    room,
    now: () => state.nowMs,
    fail: (error) => state.failed.push(error),
  });
  const pass = async (ms: number): Promise<void> => {
    state.nowMs += ms;
    look();
    look(); // one at a time
    await Bun.sleep(0);
  };
  return { state, room, pass };
}

test("it is looked at every half minute, what cannot be made is said once, and that it is there again", async () => {
  const { state, room, pass } = kept();
  await pass(0);
  expect([state.asked, room.diskLow]).toEqual([[100], true]);
  await pass(29_999);
  expect(state.asked).toHaveLength(1);
  await pass(1);
  expect([state.asked.length, state.said.length]).toEqual([2, 1]);
  state.isThere = true;
  await pass(30_000);
  expect([room.diskLow, state.said[1], state.said.length]).toEqual([false, "the disk has room again", 2]);
  await pass(30_000);
  expect([state.said.length, state.failed]).toEqual([2, []]);
});

test("that the reserve is free is not enough for an episode that waits for more", async () => {
  const { state, room, pass } = kept();
  const entry = newEntry("ep", 0, "waiting");
  room.full(entry, 200, 0);
  await pass(0);
  state.isThere = true;
  await pass(30_000);
  expect([room.diskLow, state.said.length]).toEqual([true, 1]);
  room.forget(entry);
  await pass(30_000);
  expect(room.diskLow).toBe(false);
});

test("a bug is told, and keeps nobody from looking again", async () => {
  const { state, pass } = kept();
  state.asked.push = () => {
    throw new Error("a bug");
  };
  await pass(0);
  await pass(30_000);
  expect(state.failed).toEqual([new Error("a bug"), new Error("a bug")]);
});
