// Where things lie that more than one program reads, or a recorder writes: below the data root of a lab host, below that of the
// collector, and in a run directory. Pure.

import { join } from "node:path/posix";

/** A file that appears when an episode is finished; its recorder creates it last, by rename (docs/operating.md). */
export const MARKER = "done.marker";

/** What a running daemon says of itself, in its run directory. */
export const STATUS_REPORT = "status.json";

/** How the health check's last run went, in its directory. */
export const HEALTH_RUN = "last-run.json";

/** The directories of a lab host's data root. An episode is in one of them, whole, at any time. */
export function dataDirs(dataRoot: string) {
  return {
    episodes: join(dataRoot, "episodes"),
    outbox: join(dataRoot, "outbox"),
    shipped: join(dataRoot, "shipped"),
    quarantine: join(dataRoot, "quarantine"),
  };
}

export type Dirs = ReturnType<typeof dataDirs>;

/** The collector's data root where none is set. */
export const COLLECTOR_DATA_ROOT = "/var/lib/labfleet";

/**
 * What lies in the collector's data root. Rows of index, attempts and heartbeats are for everybody; alerts and fleetHealth
 * are the health check's; the rest is the receiver's.
 */
export function dataPaths(dataRoot: string) {
  return {
    episodes: join(dataRoot, "episodes"),
    incoming: join(dataRoot, "incoming"),
    aside: join(dataRoot, "aside"),
    attempts: join(dataRoot, "attempts"),
    heartbeats: join(dataRoot, "heartbeats"),
    index: join(dataRoot, "index.jsonl"),
    torn: join(dataRoot, "index.torn"),
    journal: join(dataRoot, "journal.jsonl"),
    tokenUse: join(dataRoot, "token-use.json"),
    duplicates: join(dataRoot, "duplicate-hosts.json"),
    ticks: join(dataRoot, "ticks"),
    hosts: join(dataRoot, "hosts.json"),
    enrolment: join(dataRoot, "enrolment"),
    alerts: join(dataRoot, "alerts.jsonl"),
    fleetHealth: join(dataRoot, "fleet-health"),
  };
}
