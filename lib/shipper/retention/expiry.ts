// Which refused episodes are about to go, and since when a person could know: `expiring.json` in the data root. Each gets the
// number of the announcement that named it first; the receiver day on which a heartbeat with that number had arrived starts its
// last week. Lost, the file costs a new week, and never an episode.

import { join } from "node:path";
import { ownValue } from "../../core/text/own.ts";
import { hasFields, isNumber, orNull, parseShaped } from "../../core/text/shape.ts";
import { readIfExists, writeFileDurable } from "../../os/files/files.ts";

interface Expiring {
  /** Number of the announcement that named it first. */
  number: number;
  announced_day: number | null;
}

/** What `expiring.json` holds, by directory below quarantine/. */
export interface Expiry {
  number: number;
  episodes: Readonly<Record<string, Expiring>>;
}

export const NO_EXPIRY: Expiry = { number: 0, episodes: {} };

/**
 * The announcements of today. A new episode makes a new number; one that is no longer about to go is forgotten.
 * @param names those that are about to go
 * @param arrived the newest number that has arrived with a heartbeat; null: none that we know of
 * @param day today's receiver day
 */
export function announce(before: Expiry, names: readonly string[], arrived: number | null, day: number): Expiry {
  const isNew = names.some((name) => ownValue(before.episodes, name) === undefined);
  // Above what has arrived, too: should this file have been lost, an old arrival must not count for a new announcement.
  const number = isNew ? Math.max(before.number, arrived ?? 0) + 1 : before.number;
  const episodes: Record<string, Expiring> = {};
  for (const name of names) {
    const known = ownValue(before.episodes, name) ?? { number, announced_day: null };
    const hasArrived = known.announced_day === null && arrived !== null && arrived >= known.number;
    episodes[name] = hasArrived ? { ...known, announced_day: day } : known;
  }
  return { number, episodes };
}

export function expiryPath(dataRoot: string): string {
  return join(dataRoot, "expiring.json");
}

/** Reads the file; one that cannot be read begins anew. */
export async function readExpiry(dataRoot: string): Promise<Expiry> {
  return parseExpiry((await readIfExists(expiryPath(dataRoot)).catch(() => null)) ?? "") ?? NO_EXPIRY;
}

/** Writes it, on the disk when this resolves; nothing is written when nothing changed. @throws Error of the system */
export async function writeExpiry(dataRoot: string, before: Expiry, after: Expiry): Promise<void> {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  await writeFileDurable(expiryPath(dataRoot), `${JSON.stringify(after)}\n`);
}

const isExpiring = hasFields({ number: isNumber, announced_day: orNull(isNumber) });
const hasNumber = hasFields({ number: isNumber });

/** Reads its text; null for what is none. Pure. */
export function parseExpiry(text: string): Expiry | null {
  return parseShaped(text, (value): value is Expiry => {
    if (!hasNumber(value) || typeof value !== "object" || value === null || !("episodes" in value)) return false;
    const { episodes } = value;
    return typeof episodes === "object" && episodes !== null && Object.values(episodes).every(isExpiring);
  });
}
