// Whose store is this? The identity names the store and not the process, and stands in two files, so that neither a lost
// file nor a half copied root makes another store of it. A new one is made only where neither file is there. Pure.

import { isReceiverId, SUCCEEDS_MAX } from "../../contract/judgement.ts";
import { type Fix, here, inWords } from "../../core/finding.ts";

export interface Identity {
  id: string;
  /** Ids of the stores whose episodes this one took over. */
  succeeds: readonly string[];
}

/** What stands in one of the two files. `bad`: something does, but it is no identity. */
export type Found =
  | { kind: "absent" }
  | { kind: "identity"; identity: Identity }
  | { kind: "bad"; why: string; machine: boolean };

export type Place = "root" | "episodes";

export type Decision =
  /** `write`: the files that must be written, since they lack something. */
  | { kind: "known"; identity: Identity; write: Place[] }
  | { kind: "none" }
  /** A store that was put together from two. */
  | { kind: "two"; root: string; episodes: string }
  /** There was one, and it cannot be read. `machine`: the system refused it, which passes without another file. */
  | { kind: "unreadable"; place: Place; why: string; machine: boolean };

/** A file's text: the id, then a line `succeeds <id>` for each of the others. */
export function formatIdentity({ id, succeeds }: Identity): string {
  return [id, ...succeeds.map((other) => `succeeds ${other}`), ""].join("\n");
}

/** Reads a file's text; null when any part of it is not as it should be: a torn one is not half believed. */
export function parseIdentity(text: string): Identity | null {
  const [id, ...rest] = text.trimEnd().split("\n");
  const succeeds = rest.map((line) => /^succeeds (\S+)$/.exec(line)?.[1]);
  return isReceiverId(id) && succeeds.every(isReceiverId) ? { id, succeeds } : null;
}

/** Whose store it is, by what the two files hold. */
export function decideIdentity(root: Found, episodes: Found): Decision {
  if (root.kind === "identity" && episodes.kind === "identity") return agreed(root.identity, episodes.identity);
  if (root.kind === "identity") return { kind: "known", identity: root.identity, write: ["episodes"] };
  if (episodes.kind === "identity") return { kind: "known", identity: episodes.identity, write: ["root"] };
  if (root.kind === "bad") return { ...root, kind: "unreadable", place: "root" };
  if (episodes.kind === "bad") return { ...episodes, kind: "unreadable", place: "episodes" };
  return { kind: "none" };
}

function agreed(root: Identity, episodes: Identity): Decision {
  if (root.id !== episodes.id) return { kind: "two", root: root.id, episodes: episodes.id };
  // One of them may come from a backup, or a power cut may have come between the two.
  const succeeds = [...new Set([...root.succeeds, ...episodes.succeeds])].slice(0, SUCCEEDS_MAX);
  const lacks = (one: Identity): boolean => one.succeeds.join() !== succeeds.join();
  const write: Place[] = [...(lacks(root) ? ["root" as const] : []), ...(lacks(episodes) ? ["episodes" as const] : [])];
  return { kind: "known", identity: { id: root.id, succeeds }, write };
}

/** Why an identity is not changed, and what to do instead. */
export interface Refused {
  refused: string;
  fix: Fix;
}

/** An identity that also succeeds `other`. */
export function succeeding(identity: Identity, other: string): Identity | Refused {
  if (!isReceiverId(other))
    return {
      refused: "--succeeds takes an id of 32 hex digits",
      fix: inWords("ask the old collector: sudo receiver identity"),
    };
  if (other === identity.id)
    return { refused: `${other} is this store's own id`, fix: inWords("name the id of the collector that it follows") };
  if (identity.succeeds.includes(other)) return identity;
  if (identity.succeeds.length >= SUCCEEDS_MAX)
    return {
      refused: `this store succeeds ${SUCCEEDS_MAX} others already, and that is the most`,
      fix: {
        text: "take out one that no host has pinned any more",
        commands: [here("sudo", "receiver", "identity", "--forget", identity.succeeds[0] ?? "")],
      },
    };
  return { id: identity.id, succeeds: [...identity.succeeds, other] };
}

/** An identity that no longer succeeds `other`. */
export function forgetting(identity: Identity, other: string): Identity | Refused {
  const succeeds = identity.succeeds.filter((id) => id !== other);
  if (succeeds.length < identity.succeeds.length) return { id: identity.id, succeeds };
  const fix = { text: "see whom it succeeds", commands: [here("sudo", "receiver", "identity")] };
  return { refused: "this store succeeds none of that id", fix };
}
