// What lies settled on this host, for the status and for heartbeats: how much, refused for what, and what giving it up would free.

import { join } from "node:path";
import type { RefusedGroup, SettledCounts } from "../../contract/shipper-status.ts";
import type { Rejection } from "../episode/notes.ts";
import type { Expiry } from "./expiry.ts";
import { type LastCallDeps, listQuarantine } from "./last-call.ts";
import type { ShippedList } from "./shipped-list.ts";
import { usageOf } from "./usage.ts";

const GROUPS_MAX = 10;
/** As `shipper status` and `discard --reason` call it. */
const NOTELESS = { reason: "unknown", detail: null, atMs: null };

/** @throws Error of the system when a directory cannot be read */
export async function countSettled(
  { dirs, list, moved }: Pick<LastCallDeps, "dirs" | "moved"> & { list: ShippedList },
  expiry: Expiry,
): Promise<SettledCounts> {
  const shipped = await list.read(moved);
  const refused: Refused[] = [];
  for (const { name, rejection } of await listQuarantine({ dirs })) {
    refused.push({ ...(rejection ?? NOTELESS), bytes: await usageOf(join(dirs.quarantine, name), moved) });
  }
  return {
    shipped: shipped.length,
    unverified: shipped.filter(({ isVerified }) => !isVerified).length,
    quarantined: refused.length,
    quarantined_bytes: sumOf(refused),
    refused: byReason(refused),
    expiring: Object.keys(expiry.episodes).length,
    announcement: expiry.number,
  };
}

export type Refused = Pick<Rejection, "reason" | "detail" | "atMs"> & { bytes: number };

/** Groups by reason, the largest first. Pure. */
export function byReason(refused: readonly Refused[]): RefusedGroup[] {
  const groups = [...Map.groupBy(refused, ({ reason }) => reason)].map(([reason, alike]) => {
    const newest = alike.reduce((a, b) => ((b.atMs ?? 0) > (a.atMs ?? 0) ? b : a));
    return {
      reason,
      count: alike.length,
      bytes: sumOf(alike),
      newest_at: newest.atMs === null ? null : new Date(newest.atMs).toISOString(),
      newest_detail: newest.detail,
    };
  });
  return groups.toSorted((a, b) => b.bytes - a.bytes).slice(0, GROUPS_MAX);
}

function sumOf(refused: readonly { bytes: number }[]): number {
  return refused.reduce((sum, { bytes }) => sum + bytes, 0);
}
