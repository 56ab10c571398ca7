// What may be set in collector.toml for the health check, with the defaults. Only config-worker.ts imports this: what it needs is heavy
// and used once.

import { UserError } from "../core/failure.ts";
import { type Finding, findingText } from "../core/finding.ts";
import { parseSeconds } from "../core/text/quantity.ts";
import { relativeRemarks } from "../os/files/paths.ts";
import { type } from "../schema/ark.ts";
import { durationField } from "../schema/fields.ts";
import { loadTable } from "../schema/load.ts";
import { LEAST_SILENT_S } from "./judge/limits.ts";
import { pingFault } from "./notify/address.ts";
import { type FleetHealthConfig, LEAST_EXPIRY_S, RANGES } from "./settings.ts";
import { configOf } from "./table.ts";

const whole = ({ least, most }: { least: number; most: number }) =>
  type("number.integer").narrow(
    (value, ctx) => (value >= least && value <= most) || ctx.mustBe(`a whole number from ${least} to ${most}`),
  );

const pingField = type("string").narrow((text, ctx) => {
  const fault = pingFault(text);
  return fault === null || ctx.mustBe(fault);
});

const silentField = durationField.narrow(
  (text, ctx) => (parseSeconds(text) ?? 0) >= LEAST_SILENT_S || ctx.mustBe('at least "5m"'),
);

const expiryField = durationField.narrow(
  (text, ctx) => (parseSeconds(text) ?? 0) >= LEAST_EXPIRY_S || ctx.mustBe('at least "1h"'),
);

const channel = type({
  name: "string > 0",
  type: "string > 0",
  "url?": "string > 0",
  "url_file?": "string > 0",
  "token_file?": "string > 0",
  "command?": "string[] > 0",
  "server?": "string > 0",
  "tls?": "string > 0",
  "ca_bundle?": "string > 0",
  "user?": "string > 0",
  "password_file?": "string > 0",
  "from?": "string > 0",
  "to?": "string[] > 0",
  "symptoms?": "string[] > 0",
  "hosts?": "string[] > 0",
  "quiet?": { from: "string", to: "string", zone: "string" },
});

const schema = type({
  "paths?": { "data_root?": "string > 0", "run_dir?": "string > 0" },
  "fleet_health?": {
    "journal_unit?": "string > 0",
    "lookback_hours?": whole(RANGES["lookback-hours"]),
    "silent_threshold_min?": whole(RANGES["silent-threshold-min"]),
    "recent_window_min?": whole(RANGES["recent-window-min"]),
    "fatal_ratio_threshold?": "0 <= number <= 1",
    "fatal_min_count?": whole(RANGES["fatal-min-count"]),
    "expire_after?": expiryField,
    "ping_url?": pingField,
    "hosts?": { "[string]": { "silent_after?": silentField } },
  },
  "notify?": channel.array(),
});

const RULES = {
  // Whoever knows the address of such a hook may write to it, and a token may stand where its file should.
  secrets: [
    ...["notify.*.url", "notify.*.url_file", "notify.*.token_file", "notify.*.password_file"],
    "fleet_health.ping_url",
  ],
  examples: {
    "notify.*.name": 'name = "ops"',
    "notify.*.type": 'type = "ntfy"',
    "notify.*.quiet.from": 'from = "22:00"',
    "notify.*.quiet.to": 'to = "07:00"',
    "notify.*.quiet.zone": 'zone = "Europe/Berlin"',
  },
  // What the receiver reads of the same file.
  foreign: ["listen", "tls", "auth", "gate", "limits", "receiver", "heartbeats", "releases"],
  exampleFile: "/opt/labfleet/current/units/collector.example.toml",
};

/**
 * Checks a collector.toml.
 * @throws UserError (exit 2) naming every problem
 */
export function parseFleetHealthConfig(text: string, file: string): { config: FleetHealthConfig; warnings: Finding[] } {
  const { table, warnings } = loadTable(text, file, schema, RULES);
  const relative = relativeRemarks(file, {
    "paths.data_root": table.paths?.data_root,
    "paths.run_dir": table.paths?.run_dir,
  });
  const remarks = [...warnings, ...relative];
  return { config: withRemarks(() => configOf(table, file), remarks), warnings: remarks };
}

/** Where it throws what is odd besides is said, too: a key that is not known may be why. */
function withRemarks<T>(make: () => T, remarks: readonly Finding[]): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError([error.message, ...remarks.map((one) => findingText(one))].join("\n"), error.fix);
  }
}
