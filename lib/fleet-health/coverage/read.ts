// The ticks of the receiver, from their file.

import { noTicks, parseTicks, TICK_BYTES, TICKS, type Tick } from "../../contract/tick.ts";
import { byCommands, type Finding, here } from "../../core/finding.ts";
import { readBytesIfExists } from "../../os/files/files.ts";
import { whyNotRead } from "../not-read.ts";

const RING_BYTES = TICK_BYTES * TICKS;

export interface ReadTicks {
  ticks: readonly Tick[];
  /** Why they are not known; null: they are. */
  doubt: Finding | null;
}

/** All of them; of a receiver that writes none there are none. Never rejects for an error of the system. */
export async function readTicks(path: string): Promise<ReadTicks> {
  const without = (what: string): string =>
    `${path} ${what}, so that time in which this collector was down counts, too`;
  try {
    const bytes = await readBytesIfExists(path, RING_BYTES);
    const ring = bytes === null ? { ticks: [], fault: null } : ticksIn(bytes);
    if (ring.fault === null) return { ticks: ring.ticks, doubt: null };
    // A start makes the file anew where it has to, and writes the first tick of it.
    const fix = byCommands(here("sudo", "systemctl", "restart", "labfleet-receiver"));
    return { ticks: [], doubt: { what: without(ring.fault), fix } };
  } catch (error) {
    return { ticks: [], doubt: whyNotRead(path, error, without("cannot be read")) };
  }
}

/** `fault`: what is wrong with the file. One that was just made is blank, and its first tick is written at once: that is none. */
function ticksIn(bytes: Buffer): { ticks: Tick[]; fault: string | null } {
  if (bytes.length !== RING_BYTES) return { ticks: [], fault: `has ${bytes.length} bytes instead of ${RING_BYTES}` };
  const text = bytes.toString("latin1");
  const ticks = parseTicks(text);
  return { ticks, fault: ticks.length === 0 && text !== noTicks() ? "has no line that is a tick" : null };
}
