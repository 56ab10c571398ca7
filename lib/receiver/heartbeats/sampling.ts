// Which row a heartbeat leaves in the daily file: a whole one, or what changed since its host's row before. Decided with
// literals; what came last from spools is remembered by the caller.

import type { Heartbeat } from "../../contract/heartbeat.ts";
import {
  changeRow,
  FIGURES_EVERY_S,
  type HeartbeatRow,
  SAMPLE_EVERY_S,
  sampleRow,
} from "../../contract/heartbeat-row.ts";
import type { StoredHeartbeat } from "../../contract/host-document.ts";
import { isoWall, utcDay } from "../../core/clock.ts";
import { forgetOldest } from "../refusals/oldest.ts";
import { POLICY } from "./decide.ts";

/** The row before: the heartbeat it stood for, and the sample that its chain began with. */
export interface LastRow {
  heartbeat: Heartbeat;
  /** When it came, and the sample; by the clock that tells how far its chain has come: ours, of spooled ones the host's. */
  atMs: number;
  sampledMs: number;
  /** The file that sample is in. */
  day: string;
}

/** The row before of a host's live heartbeats, as its document tells it. */
export function lastLive(known: StoredHeartbeat | null): LastRow | null {
  if (known?.sampled_at_wall === undefined) return null;
  const sampledMs = Date.parse(known.sampled_at_wall);
  return { heartbeat: known.heartbeat, atMs: Date.parse(known.received_at_wall), sampledMs, day: utcDay(sampledMs) };
}

/** @param atMs by the clock of `sampledMs`; `day`: the file that it goes into */
export function isSampleDue(last: LastRow | null, heartbeat: Heartbeat, atMs: number, day: string): boolean {
  if (last === null || last.day !== day || last.heartbeat.boot_id !== heartbeat.boot_id) return true;
  // Either way: a clock may have been set back.
  return !(Math.abs(atMs - last.sampledMs) < SAMPLE_EVERY_S * 1000);
}

/** Whether all figures are told again: the first heartbeat in each `FIGURES_EVERY_S` since the sample. */
function areFiguresDue({ atMs, sampledMs }: LastRow, nowMs: number): boolean {
  const nth = (ms: number): number => Math.floor((ms - sampledMs) / (FIGURES_EVERY_S * 1000));
  return nth(nowMs) !== nth(atMs);
}

/** What came last from the spools of a few hosts: their rows are chains of their own. */
export class SpooledRows {
  private readonly last = new Map<string, LastRow>();

  /** The row of a heartbeat that is not its host's latest. */
  row(heartbeat: Heartbeat, nowMs: number): HeartbeatRow {
    const { host_id } = heartbeat;
    const before = this.last.get(host_id) ?? null;
    const [day, sentMs] = [utcDay(nowMs), Date.parse(heartbeat.sent_at)];
    const due = isSampleDue(before, heartbeat, sentMs, day);
    const { sampledMs } = due || before === null ? { sampledMs: sentMs } : before;
    this.last.delete(host_id);
    this.last.set(host_id, { heartbeat, atMs: sentMs, sampledMs, day });
    forgetOldest(this.last, POLICY.spooledHosts);
    return rowOf(due ? null : before, heartbeat, { nowMs, atMs: sentMs, old: true });
  }

  /** Its row did not get into the file: the next one must not build on it. */
  forget(host: string): void {
    this.last.delete(host);
  }
}

/**
 * @param before null: a sample
 * @param atMs by the clock of its chain
 */
export function rowOf(
  before: LastRow | null,
  heartbeat: Heartbeat,
  { nowMs, atMs, old }: { nowMs: number; atMs: number; old: boolean },
): HeartbeatRow {
  const received_at_wall = isoWall(nowMs);
  if (before === null) return sampleRow(heartbeat, received_at_wall, old);
  return changeRow(before.heartbeat, heartbeat, received_at_wall, { old, figures: areFiguresDue(before, atMs) });
}
