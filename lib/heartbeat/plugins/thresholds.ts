// Turns a figure and its limits into perfdata and a status, as the plugins of Nagios mean them. Pure.

import { type CheckStatus, type PerfItem, type PerfRange, worst } from "../../contract/observation.ts";
import { isBreach } from "../../contract/perfdata.ts";

/** One row of a plugin's policy: alert above the limits, or below them. Null: never. */
export interface Limits {
  alert: "above" | "below";
  warning: number | null;
  critical: number | null;
  /** Why here and not elsewhere. */
  because: string;
}

/** A figure as perfdata; without limits it is only shown. A value that is null could not be told. */
export function perf(label: string, value: number | null, uom: string, limits: Limits | null = null): PerfItem {
  return {
    label,
    value: value === null ? null : rounded(value),
    uom,
    warning: limits === null ? null : range(limits, limits.warning),
    critical: limits === null ? null : range(limits, limits.critical),
    min: uom === "%" || uom === "B" ? 0 : null,
    max: uom === "%" ? 100 : null,
  };
}

function range(limits: Limits, limit: number | null): PerfRange | null {
  if (limit === null) return null;
  return limits.alert === "above"
    ? { inside: false, low: null, high: limit }
    : { inside: false, low: limit, high: null };
}

/** Two decimals are all that anybody reads of a share, and a heartbeat is sent every minute. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** What the figures say together; one that could not be told says nothing. */
export function statusOf(items: readonly PerfItem[]): CheckStatus {
  return worst(
    items.map(({ value, warning, critical }) => {
      if (value === null) return "ok";
      if (critical !== null && isBreach(critical, value)) return "critical";
      return warning !== null && isBreach(warning, value) ? "warning" : "ok";
    }),
  );
}
