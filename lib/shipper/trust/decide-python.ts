// What an answer of the Python fleet's receiver means ([receiver] kind = "python"). Pure.

import { PROBLEM_MEDIA_TYPE } from "../../contract/judgement.ts";
import { receiverIdOf } from "./trust.ts";
import { type Answer, alone, type Fault, isTable, type Sent, type Verdict } from "./verdict.ts";

/**
 * It has no mark, and its exact bodies are unknown: JSON that contradicts nothing is its word.
 * @param isMisdirected whether the status says that we do not talk to a receiver, or not in the right way
 */
export function classifyPython(answer: Answer, sent: Sent, fault: Fault, isMisdirected: boolean): Verdict {
  const { status, body, resource } = answer;
  if (!isTable(body) || resource !== "put") return isMisdirected ? { kind: "pause", ...fault } : alone(fault);
  if (status === 200 || status === 201 || status === 409) {
    return contradicts(body, sent) ? alone(fault) : { kind: "delivered-unverified" };
  }
  if (status === 400 || status === 412) {
    return { kind: "quarantine", reason: fault.reason, detail: fault.detail, judgedBy: null };
  }
  return isMisdirected ? { kind: "pause", ...fault } : alone(fault);
}

/** With what a Python receiver refuses an episode, or says that it has it. */
const ITS_REFUSALS: readonly number[] = [400, 409, 412];

/**
 * Whether an answer that waits alone may be a Python receiver's, on a host whose `[receiver] kind` does not say that there is one:
 * JSON with a status of its own. A page, a bare answer and a problem (RFC 9457) are never its words.
 */
export function isPerhapsPython({ status, body, headers, resource }: Answer): boolean {
  const isProblem = (headers["content-type"] ?? "").toLowerCase().startsWith(PROBLEM_MEDIA_TYPE);
  if (resource !== "put" || isProblem || receiverIdOf(headers) !== null) return false;
  return ITS_REFUSALS.includes(status) && isTable(body);
}

function contradicts(body: Record<string, unknown>, sent: Sent): boolean {
  const { host_id = sent.host, episode_id = sent.id, bytes = sent.bytes, sha256 = sent.sha256 } = body;
  return host_id !== sent.host || episode_id !== sent.id || bytes !== sent.bytes || sha256 !== sent.sha256;
}
