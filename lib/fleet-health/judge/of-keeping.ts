// Symptoms of what a host keeps: its disk, its queue, what was refused. Pure: now is an argument, by the collector's clock.

import { shortTime } from "../../core/clock.ts";
import { counted, formatBytes } from "../../core/text/quantity.ts";
import type { Judged } from "../../fleet/judge.ts";
import type { ShownQueue } from "../../fleet/queue-view.ts";
import { type Facts, isFresh } from "./facts.ts";
import { causesOf, failingOf } from "./failing-checks.ts";
import { BACKLOG_HOURS, growth } from "./past.ts";
import { diskFix, keptFix, SHIPPER_STATUS } from "./remedies.ts";
import type { Limits, Told } from "./told.ts";

/** The checks of its file systems. */
export function isDisk({ name }: Pick<Judged, "name">): boolean {
  return name.startsWith(DISK);
}

/** Before the place where it is mounted. */
const DISK = "disk:";

/** A file system that is nearly full: no episode may be recorded or packed any more before long. */
export function diskLow({ heartbeat, checks }: Facts, { nowMs }: Limits): Told[] {
  if (!isFresh(heartbeat)) return [];
  const { queue } = heartbeat;
  return failingOf(checks, nowMs - heartbeat.age_s * 1000)
    .filter(isDisk)
    .flatMap((disk) => {
      const { name, holds, said } = disk;
      const told = {
        what: said?.what ?? `${name} ${holds}`,
        fix: said?.fix ?? diskFix(queue, name.slice(DISK.length)),
      };
      return causesOf(disk).map((cause) => ({ cause, ...told }));
    });
}

const DAY_MS = 24 * 3_600_000;

/** Episodes that are tried in vain, each by itself, for longer than a day. Durations by the host's own clock. */
export function waitsAlone({ heartbeat }: Facts): Told | null {
  const queue = queueOf(heartbeat);
  if (!isFresh(heartbeat) || queue === null || queue.waiting === null) return null;
  const { waiting: group } = queue;
  const waitedMs = Date.parse(heartbeat.sent_at ?? "") - Date.parse(group.since);
  if (!(waitedMs > DAY_MS)) return null;
  const what = `${counted(group.count, "episode")} ${group.count === 1 ? "waits" : "wait"} since ${shortTime(group.since)}: ${group.reason}`;
  return { cause: "waiting", what, fix: SHIPPER_STATUS };
}

/** It records faster than it ships. What stands still is told by other symptoms. */
export function backlogGrowing({ heartbeat, past }: Facts): Told | null {
  const queue = queueOf(heartbeat);
  const grew = growth(past.backlog);
  if (queue === null || grew === null) return null;
  const what = `its queue has grown in each of the last ${BACKLOG_HOURS} hours, from ${grew.from} to ${counted(grew.to, "episode")}`;
  return { cause: "backlog", what, fix: SHIPPER_STATUS };
}

/** More was refused than before, and waits for a person. The host's own check names what frees most. */
export function quarantineGrowing({ heartbeat, checks, past }: Facts): Told | null {
  const queue = queueOf(heartbeat);
  const { count, from, grewMs } = past.quarantine;
  if (queue === null || count === null || grewMs === null) return null;
  const size = queue.quarantined_bytes === null ? "" : ` (${formatBytes(queue.quarantined_bytes)})`;
  const what = `${counted(count - from, "episode")} more ${count - from === 1 ? "was" : "were"} refused in a day: it keeps ${count}${size}`;
  const own =
    queue.paused === null ? checks.find(({ name, holds }) => name === "queue" && holds !== "stale")?.said : null;
  return { cause: "quarantine", what, fix: own?.fix ?? keptFix(queue) };
}

/** Refused episodes that are removed before long unless somebody acts. */
export function quarantineExpiring({ heartbeat }: Facts): Told | null {
  const count = queueOf(heartbeat)?.expiring ?? 0;
  if (count === 0) return null;
  const what = `${counted(count, "refused episode")} ${count === 1 ? "is" : "are"} removed from its quarantine before long`;
  return { cause: "quarantine", what, fix: SHIPPER_STATUS };
}

/** As a fresh heartbeat has it. */
function queueOf(heartbeat: Facts["heartbeat"]): ShownQueue | null {
  return isFresh(heartbeat) ? heartbeat.queue : null;
}
