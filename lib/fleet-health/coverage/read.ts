// When the receiver ran, from its ticks, and why it cannot store, from what it says of itself.

import { parseReadiness, READINESS_STALE_MS, readinessPath } from "../../contract/readiness.ts";
import { readFix } from "../../contract/said.ts";
import { noTicks, parseTicks, TICK_BYTES, TICKS, type Tick } from "../../contract/tick.ts";
import { errorCode } from "../../core/failure.ts";
import { byCommands, type Finding, here } from "../../core/finding.ts";
import { readBytesIfExists, readIfExists } from "../../os/files/files.ts";
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

const READINESS_BYTES = 2 * 1024 ** 2;

/** Why the receiver cannot store; `isFull`: for want of room. */
export type NotReady = Finding & { isFull?: boolean };

/** Why the receiver cannot store now, as it says; null: it can, does not say it of late, or that cannot be read: it is news of no kind. */
export async function readNotReady(runDir: string | undefined, nowMs: number): Promise<NotReady | null> {
  if (runDir === undefined) return null;
  try {
    const said = parseReadiness((await readIfExists(readinessPath(runDir), READINESS_BYTES)) ?? "");
    if (said === null || Math.abs(nowMs - said.atMs) > READINESS_STALE_MS) return null;
    // Of one that can there is nothing to say.
    const { why, fix } = said.storing;
    return why === null ? null : { what: why, fix: readFix(fix), isFull: said.isFull };
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}
