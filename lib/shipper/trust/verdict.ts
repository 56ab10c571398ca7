// What was sent, what was answered, and what that may mean for an episode: the words in which decide.ts decides. Pure.

import type { Problem, Receipt } from "../../contract/judgement.ts";
import type { AnswerHeaders } from "./trust.ts";

/** What is known of the episode that was sent or asked about. Digests in hex. */
export interface Sent {
  host: string;
  id: string;
  bytes: number;
  sha256: string;
  /** Null when it is not known: then no tree is the same. */
  treeSha256: string | null;
  /** The same by the first format of the tar, where that is another. */
  firstTreeSha256?: string | null;
  /** The stamp that went with it, or null. */
  commit: string | null;
}

/** `put`: the episode itself; `judge`: only the question what a PUT would get. */
export type Resource = "put" | "judge";

/** A decoded answer; `body` is the parsed JSON, or null. */
export interface Answer {
  resource: Resource;
  status: number;
  headers: AnswerHeaders;
  body: unknown;
}

/** By what two faults are told apart when it is to be decided whether they are one (docs/protocol.md, “Waiting alone and pausing”). */
export interface Fault {
  /** 0: no answer came. */
  status: number;
  reason: string;
  /** It carried our mark. */
  isMarked: boolean;
  /** One sentence, of what was answered; "" where nothing was said. */
  detail: string;
}

export type Verdict =
  /** The receiver has it, proved by its receipt: move to shipped/. `pin`: trust this receiver from now on. */
  | { kind: "delivered"; receipt: Receipt; pin: string | null }
  /** A Python receiver says that it has it, and proves nothing: move to shipped/, never prune by itself. */
  | { kind: "delivered-unverified" }
  /** The judge would take it (`accept`) or has it (`stored`). */
  | { kind: "would"; would: "accept" | "stored"; pin: string | null }
  /** The episode is refused for good: move to quarantine/. `judgedBy` is null for a Python receiver. */
  | { kind: "quarantine"; reason: string; detail: string; judgedBy: string | null }
  /** The collector wants a stamp, and this episode has none: it is held, stamped ones go on. */
  | { kind: "unstamped"; detail: string }
  /** This episode alone waits and is tried again. `repack`: the packed archive is not to be trusted. */
  | ({ kind: "retry"; repack: boolean } & Fault)
  /** No episode would fare better: the queue pauses at once. */
  | ({ kind: "pause" } & Fault)
  /** Another store answers than the pinned one: the queue pauses until somebody says whom to trust. */
  | ({ kind: "other-receiver"; receiverId: string } & Fault);

/** Longest text of an answer that is kept, in characters. */
const WORDS_MAX = 300;

/** The episode alone waits for it. */
export function alone(fault: Fault, reason = fault.reason, detail = fault.detail): Extract<Verdict, { kind: "retry" }> {
  return { kind: "retry", ...fault, reason, detail, repack: false };
}

/** The fault in an answer that settles nothing. */
export function faultOf({ status, body }: Answer, problem: Problem | null): Fault {
  // What is not marked may say what it likes: its status tells it from others.
  const said = isTable(body) && typeof body.detail === "string" && body.detail !== "" ? body.detail : null;
  const reason = (problem?.reason ?? `status-${status}`).slice(0, WORDS_MAX);
  const detail = (problem?.detail ?? said ?? "").slice(0, WORDS_MAX);
  return { status, reason, isMarked: problem !== null, detail };
}

/** Whether a parsed body is an object. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
