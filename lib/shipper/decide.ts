// Who may judge an episode, and what does an answer mean for it? Every answer to a PUT or a judge call, as a table
// (docs/protocol.md, “What a sender makes of an answer”). Pure: facts in, verdict out. Only the pinned receiver, with our mark and an echo of what was sent, decides about an
// episode. Everything else costs that episode a wait, and the queue a pause only where the fault is plainly ours.

import { isSha256Hex } from "../contract/digest.ts";
import {
  type Echo,
  isEchoOf,
  type Problem,
  type Receipt,
  readJudgeAnswer,
  readProblem,
  readReceipt,
} from "../contract/judgement.ts";
import { classifyPython } from "./trust/decide-python.ts";
import { pinAfter, standingOf, type Trust } from "./trust/trust.ts";
import { type Answer, alone, type Fault, faultOf, type Sent, type Verdict } from "./trust/verdict.ts";

type Rule =
  | "receipt" // a receipt, or the judge's word
  | "conflict" // the id exists; the stored digest decides
  | "judgement" // about the episode, from the pinned receiver
  | "credentials" // ours, if it is a receiver that says so
  | "misdirected" // we do not talk to a receiver, or not in the right way
  | "alone";

/** Every status with a meaning of its own; all others are `alone`. */
const STATUS_RULES: Readonly<Record<number, Rule>> = {
  200: "receipt", // the identical episode was already there
  201: "receipt", // stored
  400: "judgement", // missing-commit; anything else in it is a damaged head or our own bug
  401: "credentials", // our token
  403: "credentials", // our token or certificate names another host
  407: "misdirected", // a proxy stands between and wants a login
  409: "conflict",
  412: "judgement", // commit not in the accepted window
  413: "judgement", // larger than the receiver takes
  421: "misdirected", // wrong server behind that name
  426: "misdirected", // wrong protocol
};

/** The reasons for which an episode itself may be refused, each with the only status it comes with. */
const JUDGEMENTS: Readonly<Record<string, number>> = {
  "missing-commit": 400,
  conflict: 409,
  "commit-not-accepted": 412,
  "too-large": 413,
};

/** Whether a receiver of ours gives this reason for refusing an episode for good: what only the pinned one may. */
export function isJudgementsReason(reason: string): boolean {
  return Object.hasOwn(JUDGEMENTS, reason);
}

/** The rule for a status: the table, then 3xx, where nobody but a portal or a moved server answers. */
function ruleOf(status: number): Rule {
  return STATUS_RULES[status] ?? (status >= 300 && status < 400 ? "misdirected" : "alone");
}

/** What to do with an episode after an answer. */
export function classifyAnswer(answer: Answer, sent: Sent, trust: Trust): Verdict {
  const problem = markedProblem(answer);
  const other = otherReceiver(answer, problem, trust);
  if (other !== null) return other;
  const fault = faultOf(answer, problem);
  if (trust.kind === "python" && problem === null)
    return classifyPython(answer, sent, fault, ruleOf(answer.status) === "misdirected");
  switch (ruleOf(answer.status)) {
    case "receipt":
      return answer.resource === "put"
        ? classifyReceipt(answer, sent, trust, fault)
        : classifyWord(answer, sent, trust, fault);
    case "conflict":
      return classifyConflict(problem, sent, trust, fault);
    case "judgement":
      return classifyJudgement(problem, sent, trust, fault);
    case "credentials":
      return fault.isMarked ? { kind: "pause", ...fault } : { kind: "retry", ...fault, repack: false };
    case "misdirected":
      return { kind: "pause", ...fault };
    case "alone":
      return { kind: "retry", ...fault, repack: false };
  }
}

/** A problem with our mark; one under another status than its own was rewritten on its way, and is nobody's word. */
function markedProblem({ body, headers, status }: Answer): Problem | null {
  const problem = readProblem(body, headers["content-type"] ?? null);
  return problem?.status === status ? problem : null;
}

/** A store that is not the pinned one stores or refuses for itself, however honestly. */
function otherReceiver(answer: Answer, problem: Problem | null, trust: Trust): Verdict | null {
  const receiverId =
    problem?.receiver_id ?? readReceipt(answer.body)?.receiver_id ?? readJudgeAnswer(answer.body)?.receiver_id;
  if (receiverId === undefined || receiverId === null || trust.pinned === null) return null;
  if (standingOf(receiverId, answer.headers, trust) !== "other") return null;
  const detail = `another collector answers: its id is ${receiverId}, and this host trusts ${trust.pinned}`;
  return {
    kind: "other-receiver",
    receiverId,
    status: answer.status,
    reason: "another-collector",
    isMarked: true,
    detail,
  };
}

/** A 2xx delivers only with a receipt that says what we sent: a captive portal also answers 200. */
function classifyReceipt(answer: Answer, sent: Sent, trust: Trust, fault: Fault): Verdict {
  const receipt = readReceipt(answer.body);
  if (receipt === null) {
    return alone(
      fault,
      "no-receipt",
      `status ${answer.status} without a receipt: it is no labfleet receiver that answered`,
    );
  }
  if (receipt.receiver_id === null) {
    return alone(
      fault,
      "no-identity",
      "the receipt does not say which receiver it is from: an older release, or the Python fleet's",
    );
  }
  if (!isReceiptOf(receipt, sent)) {
    const { host_id, episode_id, bytes, sha256 } = receipt;
    const detail = `the receipt says ${host_id}/${episode_id}, ${bytes} bytes, sha256 ${sha256}; sent were ${sent.host}/${sent.id}, ${sent.bytes} bytes, sha256 ${sent.sha256}`;
    return { ...alone(fault, "receipt-mismatch", detail), repack: true };
  }
  return { kind: "delivered", receipt, pin: pinAfter(receipt.receiver_id, answer.headers, trust) };
}

/** The same bytes, or the same tree: an episode that another release packed again is the same episode. */
function isReceiptOf(receipt: Receipt, sent: Sent): boolean {
  if (receipt.host_id !== sent.host || receipt.episode_id !== sent.id) return false;
  if (receipt.sha256 === sent.sha256 && receipt.bytes === sent.bytes) return true;
  return receipt.status === "duplicate" && isSameTree(receipt.tree_sha256, sent);
}

function isSameTree(stored: string | null, { treeSha256, firstTreeSha256 = null }: Sent): boolean {
  return stored !== null && (stored === treeSha256 || stored === firstTreeSha256);
}

/** The judge's 200. */
function classifyWord(answer: Answer, sent: Sent, trust: Trust, fault: Fault): Verdict {
  const word = readJudgeAnswer(answer.body);
  if (word === null || !isEchoOf(word.echo, echoOf(sent))) {
    return alone(fault, "no-judgement", `status ${answer.status} without a judgement of this episode`);
  }
  return { kind: "would", would: word.would, pin: pinAfter(word.receiver_id, answer.headers, trust) };
}

function classifyConflict(problem: Problem | null, sent: Sent, trust: Trust, fault: Fault): Verdict {
  if (!isJudgement(problem, sent, trust) || !isSha256Hex(problem.sha256)) return alone(fault);
  const { sha256, tree_sha256 = null, receiver_id } = problem;
  if (sha256 === sent.sha256 || isSameTree(tree_sha256, sent)) {
    const { host: host_id, id: episode_id, bytes } = sent;
    const stored = { host_id, episode_id, bytes, sha256, tree_sha256, received_at_wall: "", receiver_id };
    return { kind: "delivered", receipt: { status: "duplicate", ...stored }, pin: null };
  }
  const detail = `the receiver holds another episode of this name, sha256 ${sha256}; ours is ${sent.sha256}`;
  return { kind: "quarantine", reason: "conflict", detail, judgedBy: receiver_id };
}

function classifyJudgement(problem: Problem | null, sent: Sent, trust: Trust, fault: Fault): Verdict {
  if (!isJudgement(problem, sent, trust)) {
    // The receiver computed another digest than we declared: the archive on our disk may be damaged, too.
    return { ...alone(fault), repack: fault.isMarked && fault.reason === "digest-mismatch" };
  }
  const { reason, detail } = fault;
  if (reason !== "missing-commit") return { kind: "quarantine", reason, detail, judgedBy: problem.receiver_id };
  // An echo of our stamp beside "missing" would be the receiver's own contradiction.
  return sent.commit === null ? { kind: "unstamped", detail } : alone(fault);
}

/**
 * A reason about the episode under its own status, our mark, an echo of exactly what was sent, and the pinned receiver: only then an
 * episode may be refused.
 */
function isJudgement(problem: Problem | null, sent: Sent, { pinned }: Trust): problem is Problem {
  // A successor over verified TLS passed `otherReceiver`; nobody may judge before there is a pin.
  if (problem === null || pinned === null || JUDGEMENTS[problem.reason] !== problem.status) return false;
  return problem.echo !== undefined && isEchoOf(problem.echo, echoOf(sent));
}

/** What a receiver must echo. */
export function echoOf({ host, id, commit, bytes, sha256 }: Sent): Echo {
  return { host_id: host, episode_id: id, code_commit: commit, bytes, sha256 };
}
