// What a scan of episodes/ finds beside finished episodes, for whoever says it. Types only.

import type { Fix } from "../../core/finding.ts";

/** Something in episodes/ that cannot be shipped as it is. */
export interface ScanProblem {
  name: string;
  problem: string;
  /** Null when nobody knows one. */
  fix: Fix | null;
}
