// The shipper's settings as everybody but the configuration's own check knows them: plain data and paths.

import { join } from "node:path";

export const DEFAULT_CONFIG_PATH = "/etc/labfleet/lab-host.toml";
export const DEFAULT_DATA_ROOT = "/var/lib/labfleet/data";
/** Where the Python fleet kept its data when its config did not say (seed 001). */
export const PYTHON_DATA_ROOT = "/var/lib/cis490/data";

export interface ReceiverEndpoint {
  /** Without a trailing slash. */
  url: string;
  caBundle: string | null;
  clientCert: string | null;
  clientKey: string | null;
  bearerToken: string | null;
  bearerTokenFile: string | null;
  verifyTls: boolean;
}

/** Times in seconds, ages in days, sizes in bytes; paths absolute. */
export interface ShipperConfig {
  hostId: string;
  dataRoot: string;
  /** False when `[paths] data_root` was left to its default. */
  dataRootIsSet: boolean;
  runDir: string;
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
  quarantineCleanupIntervalS: number;
  /** Kept free on the data root's disk: packing waits below it. */
  diskReserveBytes: number;
}

/** The directories below a data root. */
export function dataDirs(dataRoot: string) {
  return {
    episodes: join(dataRoot, "episodes"),
    outbox: join(dataRoot, "outbox"),
    shipped: join(dataRoot, "shipped"),
    quarantine: join(dataRoot, "quarantine"),
  };
}

/** The document that a settled episode carries, by where it went. */
export const DOCUMENT = { shipped: "receipt.json", quarantine: "rejection.json" } as const;

/** A larger file of that name is the episode's own. */
export const DOCUMENT_MAX_BYTES = 1024 * 1024;

/** Whether a document's text is one that we wrote: an episode's own file may have the same name. */
export function isOurDocument(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "labfleet" in value;
  } catch {
    return false;
  }
}
