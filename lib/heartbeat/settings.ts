// The agent's settings as everybody but the configuration's own check knows them: plain data and paths.

import type { ReceiverEndpoint } from "../contract/endpoint.ts";
import type { FixedSettings } from "../runtime/config/settings.ts";

export const DEFAULT_STATE_DIR = "/var/lib/labfleet/heartbeat";
export const DEFAULT_PLUGINS_DIR = "/etc/labfleet/plugins.d";

/** Times in seconds; paths absolute. */
export interface HeartbeatConfig {
  hostId: string;
  receiver: ReceiverEndpoint;
  /** The sequence, the spool and the ledger of ends. */
  stateDir: string;
  runDir: string;
  intervalS: number;
  /** How long one plugin may take for one collection. */
  collectTimeoutS: number;
  /** The receiver's answer is waited for so long. */
  requestTimeoutS: number;
  pluginsDir: string;
  /** False: the default, which need not exist. */
  pluginsDirIsSet: boolean;
  /** Heartbeats that are kept while the receiver cannot be reached. */
  spoolMax: number;
  backoffSeconds: readonly number[];
  drainTimeoutS: number;
  /** The shipper on this host, as far as it can be seen. */
  shipper: { dataRoot: string; runDir: string };
  /** Tables of plugins, by name: [nagios_runner], [plugins.<name>]. */
  plugins: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** What cannot change while the agent runs: it is locked, promised to systemd, or initialised once. */
export const FIXED_SETTINGS: FixedSettings<HeartbeatConfig> = {
  hostId: "host_id",
  stateDir: "heartbeat.state_dir",
  runDir: "heartbeat.run_dir",
  intervalS: "heartbeat.interval_s",
  pluginsDir: "heartbeat.plugins_dir",
  pluginsDirIsSet: "heartbeat.plugins_dir",
  drainTimeoutS: "heartbeat.drain_timeout_s",
  shipper: "paths",
  plugins: "nagios_runner,plugins",
};
