// What is read of the hosts. Types.

import { type KnownHosts, NO_KNOWN_HOSTS } from "../../contract/known-hosts.ts";
import type { Judged } from "../../fleet/judge.ts";
import type { Senders } from "../../fleet/senders.ts";
import type { HostSummary } from "../../fleet/view.ts";
import type { UsedTwice } from "./codes.ts";

/** A host as the receiver's list shows it. */
export interface Heard {
  summary: HostSummary;
  /** Its checks that do not hold as ok, of a heartbeat that came. */
  checks: readonly Judged[];
}

export interface Hosts {
  heard: readonly Heard[];
  known: KnownHosts;
  /** Those that two machines send as, or did. */
  senders: ReadonlyMap<string, Senders>;
  /** Those whose heartbeat is there, and cannot be read. */
  unread: ReadonlySet<string>;
  /** Codes that were sent twice; null: that cannot be told. */
  usedTwice: UsedTwice | null;
}

export const NO_HOSTS: Hosts = {
  heard: [],
  known: NO_KNOWN_HOSTS,
  senders: new Map(),
  unread: new Set(),
  usedTwice: new Map(),
};
