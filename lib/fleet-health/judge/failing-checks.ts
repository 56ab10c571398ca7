// Which checks of a host hold as bad. Pure.

import type { Finding } from "../../core/finding.ts";
import type { Judged } from "../../fleet/judge.ts";

const RANK: readonly string[] = ["critical", "unknown", "stale", "warning"];

/** Those that hold, the gravest first. What has not yet run often enough to hold as anything is not known to be bad. */
export function failingOf(checks: readonly Judged[]): Judged[] {
  const held = checks.filter(({ holds, state }) => holds !== "unknown" || state === "hard");
  return held.toSorted((a, b) => RANK.indexOf(a.holds) - RANK.indexOf(b.holds));
}

/** Each by its name, and once more when it is graver than a warning. */
export function partsOf(failing: readonly Judged[]): string[] {
  return failing.flatMap(({ name, holds }) => (holds === "warning" ? [name] : [name, `${name} ${holds}`]));
}

/** What each of them is told with. @param of what one check is told with */
export function detailsOf(failing: readonly Judged[], of: (check: Judged) => Finding): Record<string, Finding> {
  return Object.fromEntries(failing.flatMap((check) => partsOf([check]).map((part) => [part, of(check)])));
}
