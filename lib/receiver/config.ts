// What may be set in collector.toml for the receiver, with the defaults, and what the receiver makes of it.

import { join, resolve } from "node:path";
import { UserError } from "../core/failure.ts";
import { DEFAULT_DRAIN_S } from "../core/stop-budget.ts";
import { parseBytes } from "../core/units.ts";
import { type } from "../schema/ark.ts";
import { loadTable } from "../schema/load.ts";

export const DEFAULT_CONFIG_PATH = "/etc/labfleet/collector.toml";
export const DEFAULT_DATA_ROOT = "/var/lib/labfleet";
export const DEFAULT_TOKENS_DIR = "/etc/labfleet/tokens.d";
export const DEFAULT_COMMIT_HEADERS: readonly string[] = ["X-Labfleet-Code-Commit", "X-Cis490-Code-Commit"];

const size = type("string | number").narrow(
  (value, ctx) => bytesOf(value) !== null || ctx.mustBe('a size such as "16 GiB", or bytes as a whole number'),
);
const address = type("string").narrow(
  (text, ctx) =>
    parseAddress(text) !== null || ctx.mustBe('an address and a port, such as "0.0.0.0:8443" or "[::]:8443"'),
);
const headerName = type("string").narrow(
  (text, ctx) => /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(text) || ctx.mustBe("an HTTP header name"),
);

const schema = type({
  "listen?": address,
  "paths?": { "data_root?": "string > 0", "run_dir?": "string > 0" },
  "tls?": { certificate: "string > 0", key: "string > 0", "client_ca?": "string" },
  "auth?": { "tokens_dir?": "string > 0", "require_token?": "boolean" },
  "gate?": {
    "accepted_commits_file?": "string",
    "require_commit?": "boolean",
    "headers?": headerName.array().atLeastLength(1),
  },
  "limits?": {
    "max_episode_bytes?": size,
    "disk_reserve?": size,
    "uploads_total?": "1 <= number.integer <= 4096",
    "uploads_per_host?": "1 <= number.integer <= 4096",
    "min_rate_bytes_per_s?": "number >= 0",
    "min_rate_window_s?": "number > 0",
    "header_timeout_s?": "number > 0",
    "keep_alive_timeout_s?": "number > 0",
  },
  "receiver?": { "drain_timeout_s?": "0 <= number <= 3600" },
});

const RULES = {
  secrets: [],
  examples: {
    "tls.certificate": 'certificate = "/etc/labfleet/tls/collector.crt"',
    "tls.key": 'key = "/etc/labfleet/tls/collector.key"',
  },
  // Sections of the same file that other tools read.
  foreign: ["fleet_health", "heartbeats", "notify", "releases"],
};

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
  requireCommit: boolean;
  commitHeaders: readonly string[];
  maxEpisodeBytes: number;
  diskReserveBytes: number;
  uploadsTotal: number;
  uploadsPerHost: number;
  minRateBytesPerS: number;
  minRateWindowS: number;
  headerTimeoutS: number;
  keepAliveTimeoutS: number;
  drainTimeoutS: number;
}

/**
 * Checks a collector.toml.
 * @throws UserError (exit 2) naming every problem
 */
export function parseReceiverConfig(text: string, file: string): { config: ReceiverConfig; warnings: string[] } {
  const { table, warnings } = loadTable(text, file, schema, RULES);
  const { paths = {}, tls, auth = {}, gate = {}, limits = {}, receiver = {} } = table;
  const config: ReceiverConfig = {
    listen: parseAddress(table.listen ?? "0.0.0.0:8443") ?? { host: "0.0.0.0", port: 8443 },
    dataRoot: resolve(paths.data_root ?? DEFAULT_DATA_ROOT),
    runDir: resolve(paths.run_dir ?? "/run/labfleet/receiver"),
    tls:
      tls === undefined
        ? null
        : { certificate: resolve(tls.certificate), key: resolve(tls.key), clientCa: optionalPath(tls.client_ca) },
    tokensDir: resolve(auth.tokens_dir ?? DEFAULT_TOKENS_DIR),
    requireToken: auth.require_token ?? true,
    acceptedCommitsFile: optionalPath(gate.accepted_commits_file),
    requireCommit: gate.require_commit ?? true,
    commitHeaders: gate.headers ?? DEFAULT_COMMIT_HEADERS,
    maxEpisodeBytes: bytesOf(limits.max_episode_bytes) ?? 16 * 1024 ** 3,
    diskReserveBytes: bytesOf(limits.disk_reserve) ?? 1024 ** 3,
    uploadsTotal: limits.uploads_total ?? 32,
    uploadsPerHost: limits.uploads_per_host ?? 4,
    minRateBytesPerS: limits.min_rate_bytes_per_s ?? 1024,
    minRateWindowS: limits.min_rate_window_s ?? 60,
    headerTimeoutS: limits.header_timeout_s ?? 10,
    keepAliveTimeoutS: limits.keep_alive_timeout_s ?? 15,
    drainTimeoutS: receiver.drain_timeout_s ?? DEFAULT_DRAIN_S.receiver,
  };
  return { config, warnings };
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
  throw new UserError(`--listen must be an address and a port, found "${text}"`, "for example --listen 127.0.0.1:8443");
}

/** The collector's files below its data root. */
export function dataPaths(dataRoot: string) {
  return {
    episodes: join(dataRoot, "episodes"),
    incoming: join(dataRoot, "incoming"),
    aside: join(dataRoot, "aside"),
    attempts: join(dataRoot, "attempts"),
    index: join(dataRoot, "index.jsonl"),
    torn: join(dataRoot, "index.torn"),
    journal: join(dataRoot, "journal.jsonl"),
  };
}

function bytesOf(value: string | number | undefined): number | null {
  if (value === undefined) return null;
  if (typeof value === "string") return parseBytes(value);
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function optionalPath(path: string | undefined): string | null {
  return path === undefined || path === "" ? null : resolve(path);
}
