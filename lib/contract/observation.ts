// What each check of a host said, as a heartbeat carries it (contract/heartbeat.ts). Types and the order of statuses only.
// Times are ISO 8601 in UTC, by the host's clock, unless a name says otherwise.

export const STATUSES = ["ok", "warning", "critical", "unknown"] as const;
export type CheckStatus = (typeof STATUSES)[number];

/** A threshold: alert outside `low`…`high`, or inside with `inside`. Null: no end on that side. */
export interface PerfRange {
  inside: boolean;
  low: number | null;
  high: number | null;
}

export interface PerfItem {
  label: string;
  /** Null: `U`, the plugin could not tell. */
  value: number | null;
  /** As the plugin wrote it: `s`, `%`, `B`, `c`, …; "" for none. */
  uom: string;
  warning: PerfRange | null;
  critical: PerfRange | null;
  min: number | null;
  max: number | null;
}

/** What one check, or one built-in plugin, said. */
export interface CheckResult {
  plugin: string;
  /** Unique within a heartbeat: `disk:/`, a check's name. */
  name: string;
  status: CheckStatus;
  message: string;
  long_text?: string;
  perfdata: PerfItem[];
  /** Items that were none, as they stood there. */
  perf_errors?: string[];
  started_at: string;
  duration_ms: number;
  /** It counts for so long after the receiver got it, seconds. */
  ttl_s: number;
  /** Counts the runs of this check, over restarts of the agent; a result that is sent again keeps its number. */
  run: number;
  /** What is odd about how it came about; each only where it holds. */
  notes?: CheckNotes;
}

export interface CheckNotes {
  exit_code?: number;
  /** Number of the signal that killed the check. */
  signal?: number;
  timed_out?: true;
  /** Bytes of output that were read and not kept. */
  truncated_bytes?: number;
  /** The output was no UTF-8. */
  lossy?: true;
  /** Processes of the check that outlived it: killed, or only counted. */
  survivors_killed?: number;
  survivors_left?: number;
  /** SIGKILL did not end it. */
  unkillable?: true;
  /** No run has ended yet: this is no answer of the check and counts as no run. */
  pending?: true;
  /** The run before was still under way, so often in a row. */
  overlaps?: number;
  /** The newest try failed, and this is the result before it. */
  refresh_failed?: string;
}

/** Whether a plugin takes part, and why not. */
export interface PluginState {
  name: string;
  state: "loaded" | "skipped" | "failed";
  reason: string | null;
}

/** The gravest of some statuses: critical, then unknown, then warning, then ok. */
export function worst(statuses: readonly CheckStatus[]): CheckStatus {
  const order: readonly CheckStatus[] = ["ok", "warning", "unknown", "critical"];
  return order[Math.max(0, ...statuses.map((status) => order.indexOf(status)))] ?? "ok";
}
