// Which checks of a host hold as bad, and what they are ill of. Pure.

import type { Judged } from "../../fleet/judge.ts";
import { causesOfCheck } from "../incidents/policy.ts";

const RANK: readonly string[] = ["critical", "unknown", "stale", "warning"];

/**
 * Those that hold, the gravest first. What has not yet run often enough to hold as anything is not known to be bad. One that has expired is
 * bad where its host has said something since: of one that is silent itself nobody knows.
 * @param heardMs when its heartbeat came
 */
export function failingOf(checks: readonly Judged[], heardMs: number): Judged[] {
  const isHeld = ({ holds, state, asOfMs, ttlS }: Judged): boolean =>
    holds === "stale" ? heardMs > asOfMs + ttlS * 1000 : holds !== "unknown" || state === "hard";
  return checks.filter(isHeld).toSorted((a, b) => RANK.indexOf(a.holds) - RANK.indexOf(b.holds));
}

/** By its name, and once more for each grade above a warning: a check that eases is bad all the same. */
export function causesOf({ name, holds }: Judged): string[] {
  return causesOfCheck(name, holds === "warning" ? null : holds === "critical" ? "critical" : "unknown");
}
