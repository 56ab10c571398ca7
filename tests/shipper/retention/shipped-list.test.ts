// What lies in shipped/ is read once: a second look reads what came since, and nothing else.

import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ShippedList } from "../../../lib/shipper/retention/shipped-list.ts";
import { shipped } from "../../support/housekeeper.ts";
import { makeDirs } from "../../support/lab-host.ts";
import { tempDir } from "../../support/temp-dir.ts";

function open() {
  const dirs = makeDirs(tempDir());
  const list = new ShippedList(dirs);
  let moves = 0;
  const days = async (): Promise<Record<string, number | null>> => {
    const found = await list.read(() => moves++);
    return Object.fromEntries(found.map(({ name, day }) => [name, day] as const).sort());
  };
  return { dirs, list, days, moves: () => moves };
}

test("a receipt is read once, those that came since are read, those that went are forgotten", async () => {
  const { dirs, list, days } = open();
  for (const name of ["a", "b"]) shipped(dirs, name, { receiver_day: 1 });
  expect(await days()).toEqual({ a: 1, b: 1 });
  // What stands there now would be seen, were it read anew.
  shipped(dirs, "a", { receiver_day: 2 });
  rmSync(join(dirs.shipped, "b", "receipt.json"));
  shipped(dirs, "c", { receiver_day: 3 });
  expect(await days()).toEqual({ a: 1, b: 1, c: 3 });
  rmSync(join(dirs.shipped, "c"), { recursive: true });
  expect(await days()).toEqual({ a: 1, b: 1 });
  list.forget("a");
  list.forget("b");
  expect(await days()).toEqual({ a: 2 });
});

test("a name that went and came again is another episode: its receipt is read", async () => {
  const { dirs, days } = open();
  shipped(dirs, "a", { receiver_day: 1 });
  await days();
  rmSync(join(dirs.shipped, "a"), { recursive: true });
  await days();
  shipped(dirs, "a", { receiver_day: 2 });
  expect(await days()).toEqual({ a: 2 });
});

test("a first reading of many tells that it moves, every two hundred; a second look has nothing to tell", async () => {
  const { dirs, days, moves } = open();
  for (let i = 0; i < 401; i++) shipped(dirs, `ep${i}`);
  expect(Object.keys(await days())).toHaveLength(401);
  expect(moves()).toBe(2);
  await days();
  expect(moves()).toBe(2);
});
