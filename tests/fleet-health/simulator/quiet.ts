// Quiet hours of Berlin, by the law and not by a library: summer time is from the last Sunday of March, 01:00 UTC, to the last of October.

import type { Quiet } from "../../../lib/fleet-health/notify/channel.ts";
import { HOUR } from "./plan.ts";

function lastSunday(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month + 1, 0));
  return Date.UTC(year, month, last.getUTCDate() - last.getUTCDay(), 1);
}

function berlinOffset(ms: number): number {
  const year = new Date(ms).getUTCFullYear();
  return ms >= lastSunday(year, 2) && ms < lastSunday(year, 9) ? 2 * HOUR : HOUR;
}

export function isQuietAt(quiet: Quiet | null, ms: number): boolean {
  if (quiet === null) return false;
  const local = new Date(ms + berlinOffset(ms));
  const minute = local.getUTCHours() * 60 + local.getUTCMinutes();
  const { from, to } = quiet;
  return from <= to ? from <= minute && minute < to : minute >= from || minute < to;
}

export const NIGHT: Quiet = { from: 22 * 60, to: 7 * 60, zone: "Europe/Berlin" };
