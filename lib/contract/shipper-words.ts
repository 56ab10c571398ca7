// What the shipper and the heartbeat's check say alike of the shipper's report: what is under way, and what makes room. Pure.

import { type Fix, type Mendable, onHost } from "../core/finding.ts";
import { unitCommand } from "../core/linux/unit-fix.ts";
import { formatBytes, formatSeconds } from "../core/text/quantity.ts";
import type { RefusedGroup, SettledCounts, UnderWay } from "./shipper-status.ts";

/**
 * `sending ep1: 12.0 MiB of 400.0 MiB for 3s`; how far only where it can be told.
 * @param at when the report was made: the duration is one within the report, whatever the clock does
 */
export function underWayText({ episode, what, since, done_bytes, bytes }: UnderWay, at: string): string {
  const far = bytes === null ? "" : `: ${formatBytes(done_bytes ?? 0)} of ${formatBytes(bytes)}`;
  const seconds = (Date.parse(at) - Date.parse(since)) / 1000;
  const long = Number.isFinite(seconds) ? ` for ${formatSeconds(Math.max(0, Math.round(seconds)))}` : "";
  return `${what} ${episode}${far}${long}`;
}

/** What a person may give up to make room, what frees most first; none where nothing is known that frees anything. */
export function freeing(settled: SettledCounts | null): Fix[] {
  if (settled === null) return [];
  const { refused, unverified_bytes: bytes = 0 } = settled;
  const ways = refused.map((group) => ({ bytes: group.bytes, fix: discardRefused(group) }));
  return [...ways, { bytes, fix: discardUnverified(bytes) }]
    .filter((way) => way.bytes > 0)
    .toSorted((a, b) => b.bytes - a.bytes)
    .map(({ fix }) => fix);
}

/** `give up refused ones, which frees 1.2 GiB: sudo shipper discard --reason conflict`. */
export function discardRefused({ reason, bytes }: RefusedGroup): Fix {
  return {
    text: `give up refused ones, which frees ${formatBytes(bytes)}`,
    commands: [onHost("sudo", "shipper", "discard", "--reason", reason)],
  };
}

/** What a receiver took and could not prove. @param bytes null: an older shipper does not say what it frees */
export function discardUnverified(bytes: number | null): Fix {
  const frees = bytes === null ? "" : `, which frees ${formatBytes(bytes)}`;
  return {
    text: `give up what is shipped and not proved${frees}, if nobody needs it here`,
    commands: [onHost("sudo", "shipper", "discard", "--shipped-unverified")],
  };
}

/** What is wrong where a shipper runs and its data root holds no `episodes/` for anybody else: its unit's sandbox keeps the disk. */
export function missingRoot(pid: number, dataRoot: string): Mendable {
  return {
    what: `the shipper (pid ${pid}) runs, but nobody else finds ${dataRoot}/episodes: its disk was unmounted, or that directory removed; what is recorded now does not reach it`,
    fix: { text: "mount its disk there again, then", commands: [unitCommand("shipper", "restart")] },
  };
}
