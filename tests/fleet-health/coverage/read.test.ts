// The file of ticks: one that says nothing though it is there is a doubt.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatTick, noTicks, placeOfTick, type Tick } from "../../../lib/contract/tick.ts";
import { findingText } from "../../../lib/core/finding.ts";
import { readTicks } from "../../../lib/fleet-health/coverage/read.ts";
import { tempDir } from "../../support/temp-dir.ts";

const TICK: Tick = { sequence: 7, wallMs: Date.UTC(2026, 4, 1, 12), boot: "0123456789ab", uptimeS: 5, isReady: true };

/** A ring with one tick. */
function ring(): Buffer {
  const bytes = Buffer.from(noTicks());
  bytes.write(formatTick(TICK), placeOfTick(TICK.sequence));
  return bytes;
}

async function read(content: string | Buffer | null) {
  const path = join(tempDir(), "ticks");
  if (content !== null) writeFileSync(path, content);
  const { ticks, doubt } = await readTicks(path);
  return { ticks, doubt: doubt && findingText(doubt).replace(path, "ticks") };
}

test.each([
  ["there is no file", null, []],
  ["the receiver has just made the file", noTicks(), []],
  ["there is a tick", ring(), [TICK]],
  [
    "there is a tick, and something that is none",
    Buffer.concat([ring().subarray(0, -3), Buffer.from([0xff, 0xe2, 0])]),
    [TICK],
  ],
])("where %s nothing is in doubt", async (_, content, ticks) => {
  expect(await read(content)).toEqual({ ticks, doubt: null });
});

const SIZE = noTicks().length;
test.each([
  ["is empty", "", "has 0 bytes instead of 1290240"],
  ["was cut behind a tick", ring().subarray(0, SIZE / 2), "has 645120 bytes instead of 1290240"],
  ["is all zeros", Buffer.alloc(SIZE), "has no line that is a tick"],
  ["is garbage", "x\n".repeat(SIZE / 2), "has no line that is a tick"],
])("a file that %s is a doubt, and the receiver's start mends it", async (_, content, why) => {
  expect(await read(content)).toEqual({
    ticks: [],
    doubt: `ticks ${why}, so that time in which this collector was down counts, too; fix: sudo systemctl restart labfleet-receiver`,
  });
});
