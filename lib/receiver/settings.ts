// The receiver's settings as everybody but the configuration's own check knows them: plain data, addresses and paths.

import { UserError } from "../core/failure.ts";
import { quoted } from "../core/text/fields.ts";
import type { FixedSettings } from "../runtime/config/settings.ts";

export const DEFAULT_TOKENS_DIR = "/etc/labfleet/tokens.d";
export const DEFAULT_COMMIT_HEADERS: readonly string[] = ["X-Labfleet-Code-Commit", "X-Cis490-Code-Commit"];

export const DEFAULT_RELEASES_DIR = "/opt/labfleet/served";

export const DEFAULT_HISTORY_BYTES = 4 * 1024 ** 3;

export interface Address {
  host: string;
  port: number;
}

export interface ReceiverConfig {
  listen: Address;
  dataRoot: string;
  runDir: string;
  tls: { certificate: string; key: string; clientCa: string | null } | null;
  tokensDir: string;
  requireToken: boolean;
  acceptedCommitsFile: string | null;
  /** Null: only where there is something to compare a commit with. */
  requireCommit: boolean | null;
  commitHeaders: readonly string[];
  maxEpisodeBytes: number;
  diskReserveBytes: number;
  uploadsTotal: number;
  uploadsPerHost: number;
  connectionsTotal: number;
  downloadsTotal: number;
  downloadsPerHost: number;
  minRateBytesPerS: number;
  minRateWindowS: number;
  headerTimeoutS: number;
  keepAliveTimeoutS: number;
  drainTimeoutS: number;
  /** Where the releases lie that are served. */
  releasesDir: string;
  /** What the daily files of heartbeats may have together, bytes. */
  historyBytes: number;
}

/** What cannot change while the receiver runs: it is bound, locked, promised to systemd, or held by connections. */
export const FIXED_SETTINGS: FixedSettings<ReceiverConfig> = {
  listen: "listen",
  dataRoot: "paths.data_root",
  runDir: "paths.run_dir",
  tls: "tls",
  tokensDir: "auth.tokens_dir",
  requireToken: "auth.require_token",
  acceptedCommitsFile: "gate.accepted_commits_file",
  connectionsTotal: "limits.connections_total",
  downloadsTotal: "limits.downloads_total",
  downloadsPerHost: "limits.downloads_per_host",
  minRateBytesPerS: "limits.min_rate_bytes_per_s",
  minRateWindowS: "limits.min_rate_window_s",
  headerTimeoutS: "limits.header_timeout_s",
  keepAliveTimeoutS: "limits.keep_alive_timeout_s",
  drainTimeoutS: "receiver.drain_timeout_s",
};

/** What an episode is held against before anything of it is written. */
export interface EpisodeRules {
  /** In which headers a commit may come, in order. */
  commitHeaders: readonly string[];
  /** Whether an episode without a code commit is refused. */
  commitRequired: boolean;
  maxBytes: number;
}

/** Those of a configuration. A stamp that nothing is compared with is no reason to lose an episode. */
export function rulesOf(config: Readonly<ReceiverConfig>): EpisodeRules {
  const { commitHeaders, requireCommit, acceptedCommitsFile, maxEpisodeBytes } = config;
  return { commitHeaders, commitRequired: requireCommit ?? acceptedCommitsFile !== null, maxBytes: maxEpisodeBytes };
}

/** `host:port`, with an IPv6 address in brackets; null when it is neither. */
export function parseAddress(text: string): Address | null {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  return host === undefined || port > 65535 ? null : { host, port };
}

/**
 * The `--listen` option.
 * @throws UserError when it is no address
 */
export function addressOption(text: string): Address {
  const address = parseAddress(text);
  if (address !== null) return address;
  throw new UserError(
    `--listen must be an address and a port, found ${quoted(text)}`,
    "for example --listen 127.0.0.1:8443",
  );
}

/** What the receiver keeps among the hosts' directories, under names that no host can have: the identity, ... */
export const IDENTITY_IN_EPISODES = ".receiver-id";
export const IDENTITY_TEMP = ".receiver-id.tmp";
/** ... and what a start links there to see whether it can. */
export const PROBE = ".labfleet-probe";
