// What the engine and its steps are given: settings, the outside world, and time.

import type { Client } from "../../client/client.ts";
import type { Dirs } from "../../contract/places.ts";
import type { SettledCounts } from "../../contract/shipper-status.ts";
import type { Settings } from "../../runtime/config/settings.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { Progress } from "../../runtime/progress.ts";
import type { Packer } from "../pack/packer.ts";
import type { ShipperConfig } from "../settings.ts";
import type { ReceiverDays } from "../settle/receiver-days.ts";

export interface EngineDeps {
  settings: Settings<ShipperConfig>;
  dirs: Dirs;
  packer: Packer;
  /** Asks the receiver, over connections that are kept between requests. */
  client: Client;
  /** Which machine this is, as the header says it. */
  machine: string;
  log: Log;
  progress: Progress;
  bootId: string;
  /** Milliseconds that never jump, for waits and for since when something is so. */
  now: () => number;
  /** The wall clock, milliseconds since 1970, for what outlives this process. */
  wallMs: () => number;
  /** The pinned receiver's days. */
  days: ReceiverDays;
  /** Uniform in [0, 1). */
  random: () => number;
  /** Whether so many bytes are free; where they are not, acknowledged episodes are removed first. */
  freeSpace: (bytes: number) => Promise<boolean>;
  /** What lies settled, as of the last round: a person may give it up to make room; null before the first. */
  settled: () => SettledCounts | null;
  /** Something happened that `status` should show. */
  changed: () => void;
  /** A bug: the daemon must not go on. */
  fail: (error: unknown) => void;
  /** One try for each episode, no second one: `shipper once`. */
  once: boolean;
}
