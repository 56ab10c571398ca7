// A host that has a token and of whom no heartbeat ever came: what its row in the list says. It may be switched off, or be
// refused; only the second leaves a trace here. Pure.

import { isoWall } from "../../core/clock.ts";
import { shellLine } from "../../core/shell-quote.ts";
import { type HostSummary, unknownSummary } from "./view.ts";

/** How often a host was refused of late. Of refusals before it showed who it is anyone may be the sender. */
export interface RefusedTally {
  count: number;
  /** Of the newest. */
  reason: string;
  atMs: number;
}

/** What is known of its refusals; null: none. Where the rows cannot be read, where they are and why. */
export type RefusedOfLate = RefusedTally | { dir: string; code: string } | null;

/** What to do about a refusal, by its reason. */
const FIXES: Readonly<Record<string, (host: string) => string>> = {
  unauthorized: (host) => `sudo receiver token add ${host}, and put it into [receiver] bearer_token_file of ${host}`,
  "wrong-host": (host) => `give ${host} its own token and certificate: it sends another host's`,
  "tokens-unreadable": () => "make its token file readable for the receiver; this says more: sudo receiver token list",
};

/** The row of a host that was never heard of. */
export function neverSummary(host: string, refused: RefusedOfLate): HostSummary {
  return {
    ...unknownSummary(host),
    never: true,
    refused:
      refused === null || "dir" in refused
        ? null
        : { count: refused.count, reason: refused.reason, at: isoWall(refused.atMs) },
    problem: neverText(host, refused),
  };
}

/** Why nothing is known of a host, in one line. */
export function neverText(host: string, refused: RefusedOfLate): string {
  if (refused === null)
    return "no heartbeat has ever come, and none was refused since yesterday; fix: see on the host: sudo heartbeat status";
  if ("dir" in refused)
    return `no heartbeat has ever come; whether any was refused is not known, since ${refused.dir} cannot be read: ${refused.code}; fix: ${unreadableFix(refused)}`;
  const { count, reason } = refused;
  const fix = FIXES[reason]?.(host);
  const times = count === 1 ? "once" : `${count} times`;
  return `no heartbeat has ever come; refused ${times} since yesterday, the newest ${reason}${fix === undefined ? "" : `; fix: ${fix}`}`;
}

/** To root all can be told; else it is no matter of rights, and this says what the matter is. */
function unreadableFix({ dir, code }: { dir: string; code: string }): string {
  return code === "EACCES" || code === "EPERM" ? "sudo receiver hosts" : shellLine(["sudo", "ls", "-la", dir]);
}
