// A row of what is looked at before anything is changed. Pure.

import type { Finding, Fix } from "../../core/finding.ts";

/** `unknown`: nobody can tell; never as good as `ok`. */
export type Status = "ok" | "warn" | "fail" | "unknown";

export interface Row extends Finding {
  id: string;
  status: Status;
}

export function row(id: string, status: Status, what: string, fix: Fix | null = null): Row {
  return { id, status, what, fix };
}
