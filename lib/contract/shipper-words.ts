// What the shipper and the heartbeat's check say alike of the shipper's report: what makes room. Pure.

import { type Fix, onHost } from "../core/finding.ts";
import { formatBytes } from "../core/units.ts";
import type { RefusedGroup, SettledCounts } from "./shipper-status.ts";

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
