// What can be said of an episode before its body comes, in the order in which it is refused: the same for a PUT, which says
// it in its headers, and for a judge call, which says it in its own body and sends no episode.

import { type EpisodeAddress, OPERATOR } from "../../contract/names.ts";
import { findingText, inWords } from "../../core/finding.ts";
import type { TokenCheck } from "../access/auth.ts";
import {
  type Accepted,
  type Credentials,
  type Declared,
  decideAccess,
  decideGate,
  decideHeaders,
  type PutHeaders,
  type Refusal,
  refuse,
} from "../decide.ts";
import type { EpisodeStore, Stored } from "../episode-store.ts";
import type { EpisodeRules } from "../settings.ts";
import { type Duplicate, decideStored } from "./name-taken.ts";

export interface PreflightDeps {
  store: Pick<EpisodeStore, "find">;
  accepted: () => Accepted;
  /** Null: no token is asked for. */
  checkToken: TokenCheck | null;
  /** What an episode is held against now. */
  rules: () => EpisodeRules;
  stopping: () => boolean;
}

/** Who asks. */
export interface Asker {
  header: (name: string) => string | null;
  peerNames: readonly string[] | null;
  /** Told when it has shown who it is. */
  known: () => void;
}

/** Whose request this is, as far as its headers and its certificate tell. */
function credentialsOf(deps: Pick<PreflightDeps, "checkToken">, asker: Asker, host: string): Credentials {
  return {
    tokenRequired: deps.checkToken !== null,
    token: deps.checkToken?.(host, asker.header("Authorization")) ?? "absent",
    peerNames: asker.peerNames,
  };
}

/** Whether this one may act for that host; null: yes, and its connection is told that it is of somebody known. */
export function checkAccess(deps: Pick<PreflightDeps, "checkToken">, asker: Asker, host: string): Refusal | null {
  const denied = decideAccess(credentialsOf(deps, asker, host), host);
  if (denied === null) asker.known();
  return denied;
}

/** Whether this one may store under that host's name now; null: yes. */
export function decideAsker(
  deps: Pick<PreflightDeps, "checkToken" | "stopping">,
  asker: Asker,
  host: string,
): Refusal | null {
  if (deps.stopping()) return refuse("stopping", "the receiver is stopping", { retryAfterS: 10 });
  return checkAccess(deps, asker, host) ?? (host === OPERATOR ? refuse("reserved-name", RESERVED) : null);
}

const RESERVED = findingText({
  what: `${OPERATOR} reads about all hosts and is none`,
  fix: inWords("another host_id"),
});

/** What is said of an episode: its code commit, and what describes its body. */
export interface Description {
  stamp: string | null;
  headers: PutHeaders;
}

/** Nothing speaks against it so far. */
export interface Passed {
  kind: "passed";
  commit: string | null;
  declared: Declared;
}

/** Gate and headers: all that needs no disk. */
export function decideDescription(deps: PreflightDeps, { stamp, headers }: Description): Passed | Refusal {
  const { commitHeaders, commitRequired, maxBytes } = deps.rules();
  const gate = decideGate(stamp, commitHeaders, commitRequired, deps.accepted());
  if (gate.kind === "refused") return gate;
  const declared = decideHeaders(headers, maxBytes);
  return declared.kind === "refused" ? declared : { kind: "passed", commit: gate.commit, declared };
}

/** What stands under the name already, and what that means. @throws the disk's error */
export async function decideName(
  deps: Pick<PreflightDeps, "store">,
  address: EpisodeAddress,
  declared: Declared,
): Promise<Duplicate | Refusal | { kind: "read"; stored: Stored }> {
  const stored = await deps.store.find(address);
  const known = decideStored(stored, declared);
  return known.kind === "read" ? { kind: "read", stored } : known;
}
