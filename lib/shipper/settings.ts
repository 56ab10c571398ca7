// The shipper's settings as everybody but the configuration's own check knows them: plain data and paths.

import type { ReceiverEndpoint } from "../contract/endpoint.ts";
import type { FixedSettings } from "../runtime/config/settings.ts";

export const DEFAULT_DATA_ROOT = "/var/lib/labfleet/data";
/** Where the Python fleet kept its data when its config did not say. */
export const PYTHON_DATA_ROOT = "/var/lib/cis490/data";

/** Times in seconds, ages in days, sizes in bytes; paths absolute. */
export interface ShipperConfig {
  hostId: string;
  dataRoot: string;
  /** False when `[paths] data_root` was left to its default. */
  dataRootIsSet: boolean;
  runDir: string;
  /** Where the heartbeat of this host notes what has arrived. */
  heartbeatRunDir: string;
  receiver: ReceiverEndpoint;
  scanIntervalS: number;
  requestTimeoutS: number;
  backoffSeconds: readonly number[];
  transfers: number;
  drainTimeoutS: number;
  commitFile: string;
  commitHeader: string;
  keepLocalForDays: number;
  quarantineKeepDays: number;
  /** Whether age alone removes what a receiver of kind `python` took or refused. */
  pruneUnverified: boolean;
  quarantineCleanupIntervalS: number;
  /** Kept free on the data root's disk: packing waits below it. */
  diskReserveBytes: number;
}

/** What cannot change while the shipper runs: it is locked, promised to systemd, or written into what is under way. */
export const FIXED_SETTINGS: FixedSettings<ShipperConfig> = {
  hostId: "host_id",
  dataRoot: "paths.data_root",
  dataRootIsSet: "paths.data_root",
  runDir: "paths.run_dir",
  drainTimeoutS: "shipper.drain_timeout_s",
};
