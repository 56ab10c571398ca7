// How the shipper's queue stands, from the outside: its own report, and what lies in the directories of its data root. What it
// means is in queue-judgement.ts.

import { opendir } from "node:fs/promises";
import { join } from "node:path";
import type { QueueGroup, QueueReport } from "../../contract/queue.ts";
import { errorCode } from "../../core/failure.ts";
import { unitCommand } from "../../core/linux/unit-fix.ts";
import { readUptimeS } from "../../os/uptime.ts";
import type { Observation, Plugin, Seen } from "../plugin.ts";
import { observe, type QueueView } from "./queue-judgement.ts";
import { type Now, readShipper, type ShipperPlaces } from "./shipper-view.ts";

/** Entries of one directory that are counted. */
const COUNT_MAX = 200_000;

export const QUEUE = "queue";

const thisMoment = (): Now => ({ wallMs: Date.now(), uptimeS: readUptimeS() });

/** Remembers beyond a restart, and outside of the data root, that a shipper was at work on this host. */
export interface KnownShipper {
  /** What a person removes to have it forgotten. */
  readonly path: string;
  isKnown(): boolean;
  note(): void;
}

const NONE_KNOWN: KnownShipper = { path: "", isKnown: () => false, note: () => undefined };

/** @param saw is given what was seen at each collection, null when there is no data root */
export function queue(
  places: ShipperPlaces,
  saw: (report: QueueReport | null) => void = () => {},
  now: () => Now = thisMoment,
  known: KnownShipper = NONE_KNOWN,
): Plugin {
  return {
    name: QUEUE,
    initialise: () => true,
    collect: async () => {
      const view = await readQueue(places, now());
      saw(view === null ? null : view.report);
      if (view === null) return [known.isKnown() ? gone(places.dataRoot, known) : none(places.dataRoot)];
      if (view.shipper.live !== null) known.note();
      return [observe(view)];
    },
  };
}

function none(dataRoot: string): Observation {
  return { status: "ok", message: `no shipper's data at ${dataRoot}` };
}

function gone(dataRoot: string, { path }: KnownShipper): Seen {
  const what = `the shipper's data root has gone: there is no ${dataRoot}/episodes, and what waits on it is not shipped`;
  const text = `if no shipper is to run on this host any more, remove ${path}; else mount its disk there, then`;
  return { status: "critical", message: what, fix: { text, commands: [unitCommand("shipper", "start")] } };
}

/** Null where there is no data root and no shipper: none was ever started here. */
export async function readQueue(places: ShipperPlaces, now: Now): Promise<QueueView | null> {
  const unreadable: string[] = [];
  const count = async (name: string, counts: (entry: string, isDirectory: boolean) => boolean): Promise<number> => {
    const found = await countEntries(join(places.dataRoot, name), counts);
    if (typeof found === "number") return found;
    // The shipper makes it at its start.
    if (found.unreadable === "ENOENT" && name !== "episodes") return 0;
    unreadable.push(`${name}: ${found.unreadable}`);
    return 0;
  };
  const isEpisode = (name: string, isDirectory: boolean): boolean => isDirectory && !name.startsWith(".");
  const episodes = await count("episodes", isEpisode);
  const isRootMissing = unreadable[0]?.endsWith("ENOENT") === true;
  const shipper = readShipper(places, now);
  if (isRootMissing && shipper.pid === null) return null;
  const { live } = shipper;
  const settled = live?.settled ?? null;
  const report: QueueReport = {
    // Without a shipper nobody knows which of them are finished: all that lies there is to be shipped.
    pending: live?.pending ?? episodes,
    outbox: await count("outbox", (name) => name.endsWith(".tar.zst")),
    quarantined: await count("quarantine", isEpisode),
    quarantined_bytes: settled?.quarantined_bytes ?? null,
    expiring: settled?.expiring ?? null,
    announcement: settled?.announcement ?? null,
    unverified: settled?.unverified ?? null,
    oldest_pending_s: live?.oldest_pending_s ?? null,
    paused: live?.paused ?? null,
    waiting: groupOf(live?.waiting ?? null),
    held: groupOf(live?.held ?? null),
  };
  return { shipper, report, dataRoot: places.dataRoot, unreadable, isRootMissing };
}

function groupOf(group: QueueGroup | null): QueueGroup | null {
  return group === null ? null : { count: group.count, reason: group.reason, since: group.since };
}

async function countEntries(
  path: string,
  counts: (name: string, isDirectory: boolean) => boolean,
): Promise<number | { unreadable: string }> {
  try {
    let found = 0;
    // Entry by entry: a hundred thousand names at once would be memory for nothing.
    for await (const entry of await opendir(path)) {
      if (counts(entry.name, entry.isDirectory())) found++;
      if (found >= COUNT_MAX) break;
    }
    return found;
  } catch (error) {
    return { unreadable: errorCode(error) ?? "error" };
  }
}
