// The end that a ledger tells of when a daemon ran well, and its newest start could not take its configuration.

import type { EndReport } from "../../lib/runtime/ends/end-records.ts";

export const REFUSED_START: EndReport = {
  run_id: "a",
  kind: "clean-stop",
  sentence: "the last run ended cleanly; since then 2 starts failed: exit code 2",
  fix: null,
  at: null,
  started_at: null,
  ran_s: null,
  phase: null,
  signal: null,
  exit_code: 0,
  failed_starts: 2,
  failed_exit_code: 2,
};
