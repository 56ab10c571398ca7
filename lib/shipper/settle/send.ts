// One exchange about one episode, its PUT or the question what a PUT would get, and one verdict: the pin is read afresh each
// time. What the answer means is decided in decide.ts; what mends a fault says lib/client.

import { createHash } from "node:crypto";
import type { Client, Reply, Request } from "../../client/client.ts";
import { explainAnswer } from "../../client/failures/answers.ts";
import { formatReprDigest, formatTreeDigest, TREE_DIGEST_HEADER } from "../../contract/digest.ts";
import type { ReceiverEndpoint } from "../../contract/endpoint.ts";
import { formatHeadDigest, HEAD_DIGEST_HEADER, headText } from "../../contract/head-digest.ts";
import { type JudgeRequest, judgePath, MACHINE_HEADER } from "../../contract/judgement.ts";
import { episodePath } from "../../contract/names.ts";
import type { Dirs } from "../../contract/places.ts";
import { errorText, UserError } from "../../core/failure.ts";
import type { Finding } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import type { Settings } from "../../runtime/config/settings.ts";
import type { Log } from "../../runtime/log/log.ts";
import { classifyAnswer, isJudgementsReason } from "../decide.ts";
import { type OutboxRecord, outboxPaths } from "../pack/outbox.ts";
import type { ShipperConfig } from "../settings.ts";
import { isPerhapsPython } from "../trust/decide-python.ts";
import { judgedInTurn, type Pin, readPin, writePin } from "../trust/pin.ts";
import { isVerifiedTls, receiverIdOf } from "../trust/trust.ts";
import type { Fault, Resource, Sent, Verdict } from "../trust/verdict.ts";
import { acceptFix, answerFix, perhapsPythonFix } from "../words/remedies.ts";
import type { ReceiverDays } from "./receiver-days.ts";

/** The answer may take so many times the stall time-out after the last byte: a slow disk flushes gigabytes. */
const ANSWER_FACTOR = 5;

export interface SendResult {
  verdict: Verdict | { kind: "stopped" };
  /** What stands between, and what mends it; of a verdict that is no fault null. */
  finding: Finding | null;
  /** Seconds that the receiver asked us to wait, or null. */
  retryAfterS: number | null;
  /** 0 when no answer came. */
  status: number;
  /** When the answering clock says it answered, milliseconds since 1970, or null. */
  answeredAtMs: number | null;
}

/** What an exchange needs of the engine's surroundings. */
export interface SendDeps {
  settings: Settings<ShipperConfig>;
  dirs: Dirs;
  /** Asks the receiver, over connections that are kept between requests. */
  client: Client;
  /** Which machine this is, as the header says it. */
  machine: string;
  /** The pinned receiver's days. */
  days: ReceiverDays;
  log: Log;
  /** The wall clock, milliseconds since 1970, for what outlives this process. */
  wallMs: () => number;
}

/** What is asked about: a packed episode, or a settled one. */
export type Subject = Pick<OutboxRecord, "id" | "bytes" | "sha256" | "code_commit"> & {
  tree_sha256: string | null;
  first_tree_sha256?: string | null;
};

/**
 * Sends a packed episode, or asks what a PUT of it would get, and classifies what came of it. Never throws for what the
 * network, a credential or the pin do.
 */
export async function sendArchive(
  deps: SendDeps,
  subject: Subject,
  resource: Resource,
  signal: AbortSignal,
  moved: (acknowledged: number) => void,
): Promise<SendResult> {
  const { settings, client } = deps;
  // Taken once: a configuration that is read anew meanwhile must not make another receiver's answer ours.
  const { receiver, dataRoot, requestTimeoutS, hostId } = settings.current();
  try {
    await readPin(dataRoot);
    const stallMs = requestTimeoutS * 1000;
    const request = {
      ...requestOf(deps, subject, resource),
      stallMs,
      answerMs: stallMs * ANSWER_FACTOR,
      signal,
      moved,
    };
    const reply = await client.send(receiver, request);
    if (reply.kind !== "answer") return noAnswer(reply);
    return await answered(deps, receiver, reply, request.path, resource, sentOf(hostId, subject));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // Our pin cannot be read: nothing can be judged.
    const fault = { status: 0, reason: "pin", isMarked: false, detail: error.message };
    const fix = error.fix ?? { text: "", commands: [] };
    return unanswered({ kind: "pause", ...fault }, { what: error.message, fix });
  }
}

async function answered(
  deps: SendDeps,
  receiver: ReceiverEndpoint,
  reply: Reply & { kind: "answer" },
  path: string,
  resource: Resource,
  sent: Sent,
): Promise<SendResult> {
  const { status, headers, body, retryAfterS, answeredAtMs } = reply;
  const answer = { resource, status, headers, body };
  const { verdict, pinned, trusted } = await judgedInTurn(async () => {
    const pin = await readPin(deps.settings.current().dataRoot);
    const pinned = pin?.receiver_id ?? null;
    const trust = { pinned, kind: receiver.kind, isVerifiedTls: isVerifiedTls(receiver) };
    const verdict = classifyAnswer(answer, sent, trust);
    const newPin = "pin" in verdict ? verdict.pin : null;
    if (newPin !== null) await trustFromNowOn(deps, pin, newPin, resource, receiver.url);
    return { verdict, pinned, trusted: newPin ?? pinned };
  });
  const from = receiverIdOf(headers);
  if (from !== null && from === trusted) await dayOf(deps, answeredAtMs);
  const facts = { status, headers, text: reply.text, receiver, hostId: sent.host, path };
  const isPython = receiver.kind === "labfleet" && isPerhapsPython(answer);
  return { verdict, finding: findingOf(verdict, facts, pinned, isPython), retryAfterS, status, answeredAtMs };
}

/** The receiver's clock steps the day; that is all that is lost if it cannot be written. */
async function dayOf({ days, log }: SendDeps, answeredAtMs: number | null): Promise<void> {
  if (answeredAtMs === null) return;
  await days.seen(answeredAtMs).catch((error: unknown) => log.debug(`receiver's day: ${quoted(errorText(error))}`));
}

type AnswerFacts = Omit<Parameters<typeof explainAnswer>[0], "reason" | "detail">;

/**
 * What a fault is, and what mends it: of our own reasons here, of all others in lib/client.
 * @param isPython it may be a Python receiver that answers
 */
function findingOf(verdict: Verdict, facts: AnswerFacts, pinned: string | null, isPython: boolean): Finding | null {
  if (verdict.kind === "other-receiver") return { what: verdict.detail, fix: acceptFix(verdict.receiverId) };
  if (verdict.kind !== "retry" && verdict.kind !== "pause") return null;
  const { reason, isMarked, detail } = verdict;
  const ours = answerFix(reason);
  if (ours !== null) return { what: quoted(detail), fix: ours };
  const explained = explainAnswer({ ...facts, reason: isMarked ? reason : null, detail });
  if (isPython) return { what: explained.what, fix: perhapsPythonFix(explained.fix) };
  const from = receiverIdOf(facts.headers);
  if (pinned !== null || from === null || !isJudgementsReason(reason)) return explained;
  // Should it refuse all that is there, as after a card that begins anew under an old name, no receipt will ever pin it.
  const accept = acceptFix(from);
  // One with a stamp is taken, and pins it.
  const fix = reason === "missing-commit" ? { ...accept, text: `${explained.fix.text}; or ${accept.text}` } : accept;
  return { what: `${explained.what}, and this host trusts no receiver yet to judge`, fix };
}

/** Pins the receiver that just accepted our token; a disk that takes no pin now gets it with the next answer. */
async function trustFromNowOn(
  deps: SendDeps,
  before: Pin | null,
  id: string,
  resource: Resource,
  url: string,
): Promise<void> {
  const source = before !== null ? "successor" : resource === "put" ? "receipt" : "judge";
  const fields = { receiver_id: id, url };
  try {
    await writePin(deps.settings.current().dataRoot, id, source, url, new Date(deps.wallMs()));
  } catch (error) {
    return deps.log.warn(`cannot note whom this host trusts: ${quoted(errorText(error))}; it is tried again`, fields);
  }
  if (before === null) return deps.log.info("this receiver may judge this host's episodes from now on", fields);
  const what = `the collector moved: it follows ${before.receiver_id}, which this host trusted, and is trusted now`;
  deps.log.warn(what, fields);
}

function requestOf(
  { settings, dirs, machine }: SendDeps,
  subject: Subject,
  resource: Resource,
): Pick<Request, "method" | "path" | "headers" | "body"> {
  const { hostId, commitHeader } = settings.current();
  const address = { host: hostId, id: subject.id };
  const { bytes, sha256, tree_sha256, code_commit } = subject;
  if (resource === "judge") {
    const question: JudgeRequest = { bytes, sha256, tree_sha256, code_commit };
    const headers = { "Content-Type": "application/json" };
    return { method: "POST", path: judgePath(address), headers, body: Buffer.from(JSON.stringify(question)) };
  }
  const reprDigest = formatReprDigest(sha256);
  const treeDigest = tree_sha256 === null ? null : formatTreeDigest(tree_sha256);
  const contentLength = String(bytes);
  const head = headText({ ...address, commitHeader, commit: code_commit, contentLength, reprDigest, treeDigest });
  const headers = {
    "Content-Type": "application/zstd",
    "Repr-Digest": reprDigest,
    ...(treeDigest !== null && { [TREE_DIGEST_HEADER]: treeDigest }),
    ...(code_commit !== null && { [commitHeader]: code_commit }),
    [MACHINE_HEADER]: machine,
    [HEAD_DIGEST_HEADER]: formatHeadDigest(commitHeader, createHash("sha256").update(head).digest("hex")),
  };
  const body = { file: outboxPaths(dirs.outbox, subject.id).archive, bytes };
  return { method: "PUT", path: episodePath(address), headers, body };
}

function sentOf(host: string, { first_tree_sha256: firstTreeSha256 = null, ...subject }: Subject): Sent {
  const { id, bytes, sha256, tree_sha256: treeSha256, code_commit: commit } = subject;
  return { host, id, bytes, sha256, treeSha256, firstTreeSha256, commit };
}

function noAnswer(reply: Exclude<Reply, { kind: "answer" }>): SendResult {
  if (reply.kind === "stopped") return unanswered({ kind: "stopped" }, null);
  const { cause, why } = reply;
  const fault: Fault = { status: 0, reason: why.reason, isMarked: false, detail: why.what };
  if (why.immediate) return unanswered({ kind: "pause", ...fault }, why);
  // Our own archive cannot be read or is short: make a new one.
  return unanswered({ kind: "retry", ...fault, repack: cause === "local" }, why);
}

function unanswered(verdict: SendResult["verdict"], finding: Finding | null): SendResult {
  return { verdict, finding, retryAfterS: null, status: 0, answeredAtMs: null };
}
