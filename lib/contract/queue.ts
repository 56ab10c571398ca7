// How a shipper's queue stands, as data: written by the shipper into its live status, carried by heartbeats (DESIGN 3.5), read by
// whoever shows a host. Types only. Times are ISO 8601 in UTC by the host's clock.

/** The whole queue waits. `misconfigured`: credentials, address or certificate; `failing`: different episodes met the same fault. */
export interface QueuePause {
  kind: "misconfigured" | "failing";
  /** For programs and for telling two pauses apart. */
  reason: string;
  /** One sentence for people. */
  detail: string;
  /** What mends it; null when nothing here can. */
  fix: string | null;
  since: string;
  /** Null while a probe is under way. */
  next_try_at: string | null;
}

/** Episodes that are in the same position: the newest reason stands for all. */
export interface QueueGroup {
  count: number;
  reason: string;
  since: string;
}

/** The shipper's queue, as far as it can be seen. */
export interface QueueReport {
  /** Finished and not shipped. */
  pending: number;
  /** Packed archives. */
  outbox: number;
  quarantined: number;
  quarantined_bytes: number | null;
  /** In quarantine, and removed before long unless somebody acts. */
  expiring: number | null;
  /** Shipped to a receiver that could not prove it. */
  unverified: number | null;
  oldest_pending_s: number | null;
  paused: QueuePause | null;
  /** Tried, and tried again by themselves; others go on. */
  waiting: QueueGroup | null;
  /** A person has to mend something first. */
  held: QueueGroup | null;
}
