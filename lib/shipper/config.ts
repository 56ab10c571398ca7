// What may be set in lab-host.toml (units/lab-host.example.toml), with the defaults, and what the shipper makes of it. Only
// config-worker.ts imports this: what it needs is heavy and used once.

import { endpointOf, endpointRemarks } from "../client/endpoint.ts";
import { DEFAULT_BACKOFF_S } from "../core/backoff.ts";
import type { Finding } from "../core/finding.ts";
import { TOOLS } from "../core/tools.ts";
import { relativeRemarks, resolvePath } from "../os/files/paths.ts";
import { type } from "../schema/ark.ts";
import { bytesOf, commitHeaderField, sizeField } from "../schema/fields.ts";
import { HOST_EXAMPLES, hostIdField, receiverTable } from "../schema/host-fields.ts";
import { loadTable } from "../schema/load.ts";
import { DEFAULT_DATA_ROOT, type ShipperConfig } from "./settings.ts";

const schema = type({
  host_id: hostIdField,
  "paths?": { "data_root?": "string > 0", "run_dir?": "string > 0" },
  receiver: receiverTable,
  "shipper?": {
    "scan_interval_s?": "0 < number <= 86400",
    "request_timeout_s?": "0 < number <= 86400",
    "backoff_seconds?": "(0 <= number <= 86400)[] > 0",
    // A timer of more than 24 days would end at once.
    "quarantine_cleanup_interval_s?": "0 < number <= 604800",
    "transfers?": "1 <= number.integer <= 32",
    "drain_timeout_s?": "0 <= number <= 3600",
    "commit_file?": "string",
    "commit_header?": commitHeaderField,
    "disk_reserve?": sizeField,
  },
  // Where the heartbeat of this host notes what has arrived.
  "heartbeat?": { "run_dir?": "string > 0" },
  "retention?": {
    "keep_local_for_days?": "number.integer >= 0",
    "quarantine_keep_days?": "number.integer >= 0",
    "prune_unverified?": "boolean",
  },
});

const RULES = {
  secrets: ["receiver.bearer_token"],
  examples: HOST_EXAMPLES,
  // Sections of the same file that other tools read.
  foreign: ["heartbeat", "nagios_runner", "plugins"],
  exampleFile: "/opt/labfleet/current/units/lab-host.example.toml",
};

/**
 * Checks a lab-host.toml.
 * @throws UserError (exit 2) naming every problem
 */
export function parseShipperConfig(text: string, file: string): { config: ShipperConfig; warnings: Finding[] } {
  const { table, warnings } = loadTable(text, file, schema, RULES);
  const { receiver, shipper = {}, retention = {}, paths = {}, heartbeat = {} } = table;
  const config: ShipperConfig = {
    hostId: table.host_id,
    dataRoot: resolvePath(paths.data_root ?? DEFAULT_DATA_ROOT),
    dataRootIsSet: paths.data_root !== undefined,
    runDir: resolvePath(paths.run_dir ?? "/run/labfleet/shipper"),
    heartbeatRunDir: resolvePath(heartbeat.run_dir ?? "/run/labfleet/heartbeat"),
    receiver: endpointOf(receiver, file),
    scanIntervalS: shipper.scan_interval_s ?? 5,
    requestTimeoutS: shipper.request_timeout_s ?? 60,
    backoffSeconds: shipper.backoff_seconds ?? DEFAULT_BACKOFF_S,
    transfers: shipper.transfers ?? 2,
    drainTimeoutS: shipper.drain_timeout_s ?? TOOLS.shipper.drainS,
    commitFile: resolvePath(shipper.commit_file ?? "/opt/labfleet/VERSION"),
    commitHeader: shipper.commit_header ?? "X-Labfleet-Code-Commit",
    keepLocalForDays: retention.keep_local_for_days ?? 7,
    quarantineKeepDays: retention.quarantine_keep_days ?? 30,
    pruneUnverified: retention.prune_unverified ?? false,
    quarantineCleanupIntervalS: shipper.quarantine_cleanup_interval_s ?? 3600,
    diskReserveBytes: bytesOf(shipper.disk_reserve) ?? 256 * 1024 * 1024,
  };
  const relative = relativeRemarks(file, {
    "paths.data_root": paths.data_root,
    "paths.run_dir": paths.run_dir,
    "shipper.commit_file": shipper.commit_file,
  });
  return { config, warnings: [...warnings, ...relative, ...endpointRemarks(receiver, file)] };
}
