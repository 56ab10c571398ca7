// What may be set in lab-host.toml (DESIGN 3.2, seed 001), with the defaults, and what the shipper makes of it. Only
// config-worker.ts imports this: what it needs is heavy and used once.

import { homedir } from "node:os";
import { resolve } from "node:path";
import { DEFAULT_BACKOFF_S } from "../core/backoff.ts";
import { UserError } from "../core/failure.ts";
import { isName, NAME_RULE } from "../core/names.ts";
import { DEFAULT_DRAIN_S } from "../core/stop-budget.ts";
import { type } from "../schema/ark.ts";
import { bytesOf, headerNameField, sizeField } from "../schema/fields.ts";
import { loadTable } from "../schema/load.ts";
import { DEFAULT_DATA_ROOT, type ShipperConfig } from "./settings.ts";

const hostId = type("string").narrow((text, ctx) => isName(text) || ctx.mustBe(NAME_RULE));
const httpUrl = type("string").narrow((text, ctx) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  const fits =
    url !== null && /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "" && url.username === "";
  return (
    fits || ctx.mustBe('an http:// or https:// URL without user, query or fragment, such as "https://collector.wg"')
  );
});
const schema = type({
  host_id: hostId,
  "paths?": { "data_root?": "string > 0", "run_dir?": "string > 0" },
  receiver: {
    url: httpUrl,
    "ca_bundle?": "string",
    "client_cert?": "string",
    "client_key?": "string",
    "bearer_token?": "string",
    "bearer_token_file?": "string",
    "verify_tls?": "boolean",
  },
  "shipper?": {
    "scan_interval_s?": "0 < number <= 86400",
    "request_timeout_s?": "0 < number <= 86400",
    "backoff_seconds?": "(0 <= number <= 86400)[] > 0",
    "quarantine_cleanup_interval_s?": "number > 0",
    "transfers?": "1 <= number.integer <= 32",
    "drain_timeout_s?": "0 <= number <= 3600",
    "commit_file?": "string",
    "commit_header?": headerNameField,
    "disk_reserve?": sizeField,
  },
  "retention?": { "keep_local_for_days?": "number.integer >= 0", "quarantine_keep_days?": "number.integer >= 0" },
});

const RULES = {
  secrets: ["receiver.bearer_token"],
  examples: {
    host_id: 'host_id = "lab1"',
    receiver: '[receiver] with url = "https://collector.wg"',
    "receiver.url": 'url = "https://collector.wg"',
  },
  // Sections of the same file that other tools read.
  foreign: ["heartbeat", "nagios_runner"],
};

/**
 * Checks a lab-host.toml.
 * @throws UserError (exit 2) naming every problem
 */
export function parseShipperConfig(text: string, file: string): { config: ShipperConfig; warnings: string[] } {
  const { table, warnings } = loadTable(text, file, schema, RULES);
  const { receiver, shipper = {}, retention = {}, paths = {} } = table;
  if ((receiver.client_cert ?? "") !== "" && (receiver.client_key ?? "") === "") {
    throw new UserError(
      `${file}: receiver.client_cert is set but receiver.client_key is missing: add client_key = "…"`,
    );
  }
  const config: ShipperConfig = {
    hostId: table.host_id,
    dataRoot: resolve(expandHome(paths.data_root ?? DEFAULT_DATA_ROOT)),
    dataRootIsSet: paths.data_root !== undefined,
    runDir: resolve(expandHome(paths.run_dir ?? "/run/labfleet/shipper")),
    receiver: {
      url: receiver.url.replace(/\/+$/, ""),
      caBundle: optionalPath(receiver.ca_bundle),
      clientCert: optionalPath(receiver.client_cert),
      clientKey: optionalPath(receiver.client_key),
      bearerToken: receiver.bearer_token === "" ? null : (receiver.bearer_token ?? null),
      bearerTokenFile: optionalPath(receiver.bearer_token_file),
      verifyTls: receiver.verify_tls ?? true,
    },
    scanIntervalS: shipper.scan_interval_s ?? 5,
    requestTimeoutS: shipper.request_timeout_s ?? 60,
    backoffSeconds: shipper.backoff_seconds ?? DEFAULT_BACKOFF_S,
    transfers: shipper.transfers ?? 2,
    drainTimeoutS: shipper.drain_timeout_s ?? DEFAULT_DRAIN_S.shipper,
    commitFile: expandHome(shipper.commit_file ?? "/opt/labfleet/VERSION"),
    commitHeader: shipper.commit_header ?? "X-Labfleet-Code-Commit",
    keepLocalForDays: retention.keep_local_for_days ?? 7,
    quarantineKeepDays: retention.quarantine_keep_days ?? 30,
    quarantineCleanupIntervalS: shipper.quarantine_cleanup_interval_s ?? 3600,
    diskReserveBytes: bytesOf(shipper.disk_reserve) ?? 256 * 1024 * 1024,
  };
  return { config, warnings };
}

function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? homedir() + path.slice(1) : path;
}

function optionalPath(path: string | undefined): string | null {
  return path === undefined || path === "" ? null : resolve(expandHome(path));
}
