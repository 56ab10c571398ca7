// From what stands in collector.toml, once it is checked, to the settings of the health check.

import { isName, NAME_RULE } from "../contract/names.ts";
import { COLLECTOR_DATA_ROOT } from "../contract/places.ts";
import { RECEIVER_RUN_DIR } from "../contract/readiness.ts";
import { UserError } from "../core/failure.ts";
import { quoted } from "../core/text/fields.ts";
import { parseSeconds } from "../core/text/quantity.ts";
import { resolvePath } from "../os/files/paths.ts";
import { readChannels } from "./notify/settings.ts";
import {
  DEFAULT_EXPIRE_AFTER_MS,
  DEFAULT_RECENT_WINDOW_MIN,
  DEFAULT_THRESHOLDS,
  type FleetHealthConfig,
  placesOf,
} from "./settings.ts";

/** Of its shape; config.ts holds it to its values. */
export interface FleetHealthTable {
  paths?: { data_root?: string; run_dir?: string };
  fleet_health?: {
    journal_unit?: string;
    lookback_hours?: number;
    silent_threshold_min?: number;
    recent_window_min?: number;
    fatal_ratio_threshold?: number;
    fatal_min_count?: number;
    expire_after?: string;
    ping_url?: string;
    hosts?: Readonly<Record<string, { silent_after?: string }>>;
  };
  notify?: readonly NotifyTable[];
}

interface NotifyTable {
  name: string;
  type: string;
  url?: string;
  url_file?: string;
  token_file?: string;
  ca_bundle?: string;
  command?: readonly string[];
  server?: string;
  tls?: string;
  user?: string;
  password_file?: string;
  from?: string;
  to?: readonly string[];
  symptoms?: readonly string[];
  hosts?: readonly string[];
  quiet?: { from: string; to: string; zone: string };
}

/** @param file its name, for messages @throws UserError (exit 2): what stands in one channel or table does not go together */
export function configOf(table: FleetHealthTable, file: string): FleetHealthConfig {
  const { paths = {}, fleet_health: own = {}, notify = [] } = table;
  const { channels, faults: wrong } = readChannels(
    notify.map(({ url_file, token_file, ca_bundle, password_file, ...rest }) => ({
      ...rest,
      ...{ urlFile: url_file ?? null, tokenFile: token_file ?? null },
      ...{ caBundle: ca_bundle ?? null, passwordFile: password_file ?? null },
    })),
    resolvePath,
  );
  const faults = [...hostFaults(own.hosts), ...wrong];
  if (faults.length > 0) throw new UserError(faults.map((fault) => `${file}: ${fault}`).join("\n"), `mend ${file}`);
  return {
    ...placesOf(resolvePath(paths.data_root ?? COLLECTOR_DATA_ROOT)),
    runDir: resolvePath(paths.run_dir ?? RECEIVER_RUN_DIR),
    journalUnit: own.journal_unit ?? null,
    recentWindowMin: own.recent_window_min ?? DEFAULT_RECENT_WINDOW_MIN,
    thresholds: {
      lookbackHours: own.lookback_hours ?? DEFAULT_THRESHOLDS.lookbackHours,
      silentThresholdMin: own.silent_threshold_min ?? DEFAULT_THRESHOLDS.silentThresholdMin,
      fatalRatioThreshold: own.fatal_ratio_threshold ?? DEFAULT_THRESHOLDS.fatalRatioThreshold,
      fatalMinCount: own.fatal_min_count ?? DEFAULT_THRESHOLDS.fatalMinCount,
    },
    expireAfterMs: msOf(own.expire_after) ?? DEFAULT_EXPIRE_AFTER_MS,
    silentAfterMs: Object.fromEntries(
      Object.entries(own.hosts ?? {}).flatMap(([host, { silent_after }]) => {
        const ms = msOf(silent_after);
        return ms === null ? [] : [[host, ms]];
      }),
    ),
    pingUrl: own.ping_url ?? null,
    channels,
  };
}

function hostFaults(hosts: object = {}): string[] {
  return Object.keys(hosts)
    .filter((host) => !isName(host))
    .map((host) => `[fleet_health.hosts.${quoted(host)}] is of no host: a host's name is ${NAME_RULE}`);
}

function msOf(text: string | undefined): number | null {
  const seconds = text === undefined ? null : parseSeconds(text);
  return seconds === null ? null : seconds * 1000;
}
