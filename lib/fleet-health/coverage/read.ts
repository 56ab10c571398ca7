// The ticks of the receiver, from their file.

import { parseTicks, TICK_BYTES, TICKS, type Tick } from "../../contract/tick.ts";
import type { Finding } from "../../core/finding.ts";
import { readIfExists } from "../../os/files/files.ts";
import { whyNotRead } from "../not-read.ts";

export type ReadTicks = { kind: "read"; ticks: Tick[] } | { kind: "unknown"; why: Finding };

/** All of them; of a receiver that writes none there are none. Never rejects for an error of the system. */
export async function readTicks(path: string): Promise<ReadTicks> {
  try {
    return { kind: "read", ticks: parseTicks((await readIfExists(path, TICK_BYTES * TICKS)) ?? "") };
  } catch (error) {
    const what = `${path} cannot be read, so that time in which this collector was down counts, too`;
    return { kind: "unknown", why: whyNotRead(path, error, what) };
  }
}
