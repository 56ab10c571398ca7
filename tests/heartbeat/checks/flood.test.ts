// X13, our memory: it does not grow with what checks print. Fair, though it is memory: of a process of its own, where nothing else
// allocates, after a collection: over four floods it grows by 0.35 MB at most, and would grow by 32 MB were they kept.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { KEEP_BYTES } from "../../../lib/heartbeat/checks/process.ts";

const FLOOD_BYTES = 8_000_000;
const FLOODS = 5;
const MIB = 1 << 20;

test("X13 the second to the fifth flood together cost less than 1 MiB over the first", async () => {
  const argv = [process.execPath, join(import.meta.dir, "flood.ts"), String(FLOOD_BYTES), String(FLOODS)];
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "inherit", env: { PATH: process.env.PATH } });
  const lines = (await child.stdout.text()).trim().split("\n");
  expect(await child.exited).toBe(0);
  const rounds: { dropped: number; held: number }[] = lines.map((line) => JSON.parse(line));
  expect(rounds.map(({ dropped }) => dropped)).toEqual(Array(FLOODS).fill(FLOOD_BYTES - KEEP_BYTES));
  const [first = 0, ...later] = rounds.map(({ held }) => held);
  expect(first).toBeGreaterThan(0);
  // One that kept only a thirtieth of what it read would not pass.
  expect(Math.max(...later) - first).toBeLessThan(MIB);
}, 180_000);
