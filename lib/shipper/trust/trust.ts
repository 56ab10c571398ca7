// Whose word counts: the pinned receiver, one that follows it, or nobody yet (docs/protocol.md, “Who may judge”). Pure.

import { isReceiverId, RECEIVER_ID_HEADER, readSucceeds, SUCCEEDS_HEADER } from "../../contract/judgement.ts";

/** Whom this host trusts to judge. */
export interface Trust {
  /** The pinned receiver's id; null before there is one. */
  pinned: string | null;
  /** `python`: the fleet's old receiver, which has no mark. */
  kind: "labfleet" | "python";
  /** The answer came over TLS whose certificate was checked. */
  isVerifiedTls: boolean;
}

/** Whether an answer of this receiver comes over TLS whose certificate is checked. */
export function isVerifiedTls({ url, verifyTls }: { url: string; verifyTls: boolean }): boolean {
  return url.startsWith("https:") && verifyTls;
}

/** Header fields of an answer by their names in lower case. */
export type AnswerHeaders = Readonly<Record<string, string>>;

/**
 * What a receiver is to this host. `first`: nobody is pinned yet; `successor`: it says, over verified TLS, that it took
 * over the pinned one's store. Without verified TLS anybody could say so.
 */
export type Standing = "pinned" | "successor" | "first" | "other";

export function standingOf(receiverId: string, headers: AnswerHeaders, { pinned, isVerifiedTls }: Trust): Standing {
  if (pinned === null) return "first";
  if (receiverId === pinned) return "pinned";
  const succeeded = readSucceeds(headers[SUCCEEDS_HEADER.toLowerCase()] ?? null);
  return isVerifiedTls && succeeded.includes(pinned) ? "successor" : "other";
}

/** The id to pin after an answer that accepted our token, or null when it is pinned already. */
export function pinAfter(receiverId: string, headers: AnswerHeaders, trust: Trust): string | null {
  return standingOf(receiverId, headers, trust) === "pinned" ? null : receiverId;
}

/** The id in an answer's header, for answers that have no body; null when there is none. */
export function receiverIdOf(headers: AnswerHeaders): string | null {
  const id = headers[RECEIVER_ID_HEADER.toLowerCase()];
  return isReceiverId(id) ? id : null;
}
