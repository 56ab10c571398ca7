// What may be set in collector.toml for the receiver, with the defaults, and what the receiver makes of it. Only
// config-worker.ts imports this: what it needs is heavy and used once.

import { COLLECTOR_DATA_ROOT } from "../contract/places.ts";
import { RECEIVER_RUN_DIR } from "../contract/readiness.ts";
import type { Finding } from "../core/finding.ts";
import { TOOLS } from "../core/tools.ts";
import { optionalPath, relativeRemarks, resolvePath } from "../os/files/paths.ts";
import { type } from "../schema/ark.ts";
import { bytesOf, commitHeaderField, largeSizeField, sizeField } from "../schema/fields.ts";
import { loadTable } from "../schema/load.ts";
import {
  DEFAULT_COMMIT_HEADERS,
  DEFAULT_HISTORY_BYTES,
  DEFAULT_RELEASES_DIR,
  DEFAULT_TOKENS_DIR,
  parseAddress,
  type ReceiverConfig,
} from "./settings.ts";

const address = type("string").narrow(
  (text, ctx) =>
    parseAddress(text) !== null || ctx.mustBe('an address and a port, such as "0.0.0.0:8443" or "[::]:8443"'),
);

const schema = type({
  "listen?": address,
  "paths?": { "data_root?": "string > 0", "run_dir?": "string > 0" },
  "tls?": { certificate: "string > 0", key: "string > 0", "client_ca?": "string" },
  "auth?": { "tokens_dir?": "string > 0", "require_token?": "boolean" },
  "gate?": {
    "accepted_commits_file?": "string",
    "require_commit?": "boolean",
    "headers?": commitHeaderField.array().atLeastLength(1),
  },
  "limits?": {
    "max_episode_bytes?": largeSizeField,
    "disk_reserve?": sizeField,
    "uploads_total?": "1 <= number.integer <= 4096",
    "uploads_per_host?": "1 <= number.integer <= 4096",
    "connections_total?": "16 <= number.integer <= 65536",
    "downloads_total?": "1 <= number.integer <= 4096",
    "downloads_per_host?": "1 <= number.integer <= 4096",
    // With more than a network carries, or less than a second, every upload would be cut off.
    "min_rate_bytes_per_s?": "0 <= number <= 100000000",
    "min_rate_window_s?": "1 <= number <= 604800",
    "header_timeout_s?": "1 <= number <= 604800",
    // A timer of more than 24 days would end at once.
    "keep_alive_timeout_s?": "0 < number <= 604800",
  },
  "receiver?": { "drain_timeout_s?": "0 <= number <= 3600" },
  "heartbeats?": { "history_max?": sizeField },
  "releases?": { "dir?": "string > 0" },
});

const RULES = {
  secrets: [],
  examples: {
    "tls.certificate": 'certificate = "/etc/labfleet/tls/collector.crt"',
    "tls.key": 'key = "/etc/labfleet/tls/collector.key"',
  },
  // Sections of the same file that other tools read.
  foreign: ["fleet_health", "notify"],
  exampleFile: "/opt/labfleet/current/units/collector.example.toml",
};

/**
 * Checks a collector.toml.
 * @throws UserError (exit 2) naming every problem
 */
export function parseReceiverConfig(text: string, file: string): { config: ReceiverConfig; warnings: Finding[] } {
  const { table, warnings } = loadTable(text, file, schema, RULES);
  const { paths = {}, tls, auth = {}, gate = {}, limits = {}, receiver = {}, heartbeats = {}, releases = {} } = table;
  const config: ReceiverConfig = {
    listen: parseAddress(table.listen ?? "0.0.0.0:8443") ?? { host: "0.0.0.0", port: 8443 },
    dataRoot: resolvePath(paths.data_root ?? COLLECTOR_DATA_ROOT),
    runDir: resolvePath(paths.run_dir ?? RECEIVER_RUN_DIR),
    tls:
      tls === undefined
        ? null
        : {
            certificate: resolvePath(tls.certificate),
            key: resolvePath(tls.key),
            clientCa: optionalPath(tls.client_ca),
          },
    tokensDir: resolvePath(auth.tokens_dir ?? DEFAULT_TOKENS_DIR),
    requireToken: auth.require_token ?? true,
    acceptedCommitsFile: optionalPath(gate.accepted_commits_file),
    requireCommit: gate.require_commit ?? null,
    commitHeaders: gate.headers ?? DEFAULT_COMMIT_HEADERS,
    maxEpisodeBytes: bytesOf(limits.max_episode_bytes) ?? 16 * 1024 ** 3,
    diskReserveBytes: bytesOf(limits.disk_reserve) ?? 1024 ** 3,
    uploadsTotal: limits.uploads_total ?? 32,
    uploadsPerHost: limits.uploads_per_host ?? 4,
    connectionsTotal: limits.connections_total ?? 1024,
    downloadsTotal: limits.downloads_total ?? 16,
    downloadsPerHost: limits.downloads_per_host ?? 4,
    minRateBytesPerS: limits.min_rate_bytes_per_s ?? 1024,
    minRateWindowS: limits.min_rate_window_s ?? 60,
    headerTimeoutS: limits.header_timeout_s ?? 10,
    keepAliveTimeoutS: limits.keep_alive_timeout_s ?? 15,
    drainTimeoutS: receiver.drain_timeout_s ?? TOOLS.receiver.drainS,
    releasesDir: resolvePath(releases.dir ?? DEFAULT_RELEASES_DIR),
    historyBytes: bytesOf(heartbeats.history_max) ?? DEFAULT_HISTORY_BYTES,
  };
  const relative = relativeRemarks(file, {
    "paths.data_root": paths.data_root,
    "paths.run_dir": paths.run_dir,
    "tls.certificate": tls?.certificate,
    "tls.key": tls?.key,
    "tls.client_ca": tls?.client_ca,
    "auth.tokens_dir": auth.tokens_dir,
    "releases.dir": releases.dir,
    "gate.accepted_commits_file": gate.accepted_commits_file,
  });
  return { config, warnings: [...warnings, ...relative] };
}
