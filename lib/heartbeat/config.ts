// What may be set in lab-host.toml for the heartbeat (units/lab-host.example.toml), with the defaults. Only config-worker.ts imports
// this: what it needs is heavy and used once.

import { endpointOf, endpointRemarks } from "../client/endpoint.ts";
import { DEFAULT_BACKOFF_S } from "../core/backoff.ts";
import type { Finding } from "../core/finding.ts";
import { TOOLS } from "../core/tools.ts";
import { relativeRemarks, resolvePath } from "../os/files/paths.ts";
import { type } from "../schema/ark.ts";
import { HOST_EXAMPLES, hostIdField, receiverTable } from "../schema/host-fields.ts";
import { loadTable } from "../schema/load.ts";
import { DEFAULT_PLUGINS_DIR, DEFAULT_STATE_DIR, type HeartbeatConfig } from "./settings.ts";

// Without name or command a check is left out with a warning, and the others run: no error here.
const command = type({
  "name?": "string",
  "command?": "string | string[]",
  "shell?": "boolean",
  "timeout?": "0 < number <= 3600",
  "interval?": "0 < number <= 604800",
});

const schema = type({
  host_id: hostIdField,
  "paths?": { "data_root?": "string > 0", "run_dir?": "string > 0" },
  receiver: receiverTable,
  "heartbeat?": {
    "interval_s?": "1 <= number <= 86400",
    "collect_timeout_s?": "0 < number <= 3600",
    "request_timeout_s?": "0 < number <= 3600",
    "plugins_dir?": "string > 0",
    "state_dir?": "string > 0",
    "run_dir?": "string > 0",
    "spool_max?": "1 <= number.integer <= 100000",
    "backoff_seconds?": "(0 <= number <= 86400)[] > 0",
    "drain_timeout_s?": "0 <= number <= 3600",
  },
  "nagios_runner?": { "timeout?": "0 < number <= 3600", "grace?": "0 <= number <= 60", "commands?": command.array() },
  "plugins?": { "[string]": "object" },
});

const RULES = {
  // A check's command line may hold a password, and so may anything of an own plugin's.
  secrets: [
    "receiver.bearer_token",
    "nagios_runner.commands",
    "nagios_runner.commands.*",
    "nagios_runner.commands.*.command",
    "nagios_runner.commands.*.command.*",
    "nagios_runner.commands.*.shell",
    "plugins.*",
  ],
  examples: {
    ...HOST_EXAMPLES,
    "nagios_runner.commands.*": '{ name = "root disk", command = "/usr/lib/nagios/plugins/check_disk -w 20% -p /" }',
    plugins: "[plugins.camera]",
  },
  // Tables of the same file that the shipper reads.
  foreign: ["shipper", "retention"],
  seconds: [
    "nagios_runner.timeout",
    "nagios_runner.grace",
    "nagios_runner.commands.*.timeout",
    "nagios_runner.commands.*.interval",
  ],
  misplaced: { "plugins.nagios_runner": "[nagios_runner]" },
  exampleFile: "/opt/labfleet/current/units/lab-host.example.toml",
};

/**
 * Checks a lab-host.toml.
 * @throws UserError (exit 2) naming every problem
 */
export function parseHeartbeatConfig(text: string, file: string): { config: HeartbeatConfig; warnings: Finding[] } {
  const { table, warnings } = loadTable(text, file, schema, RULES);
  const { heartbeat = {}, paths = {}, nagios_runner: nagiosRunner, plugins = {} } = table;
  const intervalS = heartbeat.interval_s ?? 60;
  const dir = (path: string | undefined, standard: string): string => resolvePath(path ?? standard);
  const config: HeartbeatConfig = {
    hostId: table.host_id,
    receiver: endpointOf(table.receiver, file),
    stateDir: dir(heartbeat.state_dir, DEFAULT_STATE_DIR),
    runDir: dir(heartbeat.run_dir, "/run/labfleet/heartbeat"),
    intervalS,
    collectTimeoutS: heartbeat.collect_timeout_s ?? Math.min(30, intervalS),
    requestTimeoutS: heartbeat.request_timeout_s ?? 20,
    pluginsDir: dir(heartbeat.plugins_dir, DEFAULT_PLUGINS_DIR),
    pluginsDirIsSet: heartbeat.plugins_dir !== undefined,
    spoolMax: heartbeat.spool_max ?? 1440,
    backoffSeconds: heartbeat.backoff_seconds ?? DEFAULT_BACKOFF_S,
    drainTimeoutS: heartbeat.drain_timeout_s ?? TOOLS.heartbeat.drainS,
    shipper: {
      dataRoot: dir(paths.data_root, "/var/lib/labfleet/data"),
      runDir: dir(paths.run_dir, "/run/labfleet/shipper"),
    },
    plugins: { ...tablesOf(plugins), ...(nagiosRunner !== undefined && { nagios_runner: { ...nagiosRunner } }) },
  };
  const relative = relativeRemarks(file, {
    "paths.data_root": paths.data_root,
    "paths.run_dir": paths.run_dir,
    "heartbeat.state_dir": heartbeat.state_dir,
    "heartbeat.run_dir": heartbeat.run_dir,
    "heartbeat.plugins_dir": heartbeat.plugins_dir,
  });
  return { config, warnings: [...warnings, ...relative, ...endpointRemarks(table.receiver, file)] };
}

/** [plugins.<name>]: whatever a plugin of one's own wants to know. The checks' table stands by itself, and was checked. */
function tablesOf(plugins: Readonly<Record<string, object>>): Record<string, Record<string, unknown>> {
  const own = Object.entries(plugins).filter(([name]) => name !== "nagios_runner");
  return Object.fromEntries(own.map(([name, table]) => [name, { ...table }]));
}
