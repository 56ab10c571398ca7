// Which checks of a host hold as bad, and what they are ill of. Pure.

import type { Judged } from "../../fleet/judge.ts";
import { graveCause, isGrave } from "../incidents/policy.ts";

const RANK: readonly string[] = ["critical", "unknown", "stale", "warning"];

/** Those that hold, the gravest first. What has not yet run often enough to hold as anything is not known to be bad. */
export function failingOf(checks: readonly Judged[]): Judged[] {
  const held = checks.filter(({ holds, state }) => holds !== "unknown" || state === "hard");
  return held.toSorted((a, b) => RANK.indexOf(a.holds) - RANK.indexOf(b.holds));
}

/** By its name, and once more when it is graver than a warning: a check that eases is bad all the same. */
export function causesOf({ name, holds }: Judged): string[] {
  return isGrave(holds) ? [name, graveCause(name, holds)] : [name];
}
