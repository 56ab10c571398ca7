// A walk over every answer there can be: (resource, status 100 to 599, reason, marked or not, echo right or wrong, pinned or not,
// kind of receiver, digest of what is stored). The walk over answers to HEAD is in retention/who-may-confirm.test.ts. Whatever comes, nothing that is not proved to be stored counts as delivered or may be removed, and no
// answer stops more than its own episode unless it is one of the causes that stop the queue at once.

import { describe, expect, test } from "bun:test";
import { PROBLEM_TYPE } from "../../lib/contract/judgement.ts";
import { REFUSALS } from "../../lib/receiver/decide.ts";
import { classifyAnswer } from "../../lib/shipper/decide.ts";
import { Pausing, probeWaitMs } from "../../lib/shipper/queue/pausing.ts";
import type { Trust } from "../../lib/shipper/trust/trust.ts";
import type { Answer, Sent, Verdict } from "../../lib/shipper/trust/verdict.ts";

const SHA = "a".repeat(64);
const OURS = "1".repeat(32);
const THEIRS = "2".repeat(32);
const OTHER_SHA = "c".repeat(64);
const SENT: Sent = { host: "lab1", id: "ep1", bytes: 1234, sha256: SHA, treeSha256: "b".repeat(64), commit: "abc" };
const ECHO = { host_id: "lab1", episode_id: "ep1", code_commit: "abc", bytes: 1234, sha256: SHA };

/** Every reason that a receiver knows, and some that it does not. */
const REASONS = [...Object.keys(REFUSALS), "made-up"];
/** These status codes stop the queue whoever sends them; 401 and 403 only with our mark (docs/protocol.md, “What a sender makes of an answer”). */
const STOPS_AT_ONCE = (status: number, isMarked: boolean): boolean =>
  (status >= 300 && status < 400) || [407, 421, 426].includes(status) || (isMarked && [401, 403].includes(status));

interface Walk {
  answer: Answer;
  trust: Trust;
  isMarked: boolean;
  isEcho: boolean;
  reason: string;
  /** What the answer says is stored under this name. */
  stored: string | null;
}

/** Everything that can come back which is not a receipt and not the judge's word. */
function* refusals(): Generator<Walk> {
  for (const resource of ["put", "judge"] as const)
    for (let status = 100; status <= 599; status++)
      for (const reason of REASONS)
        for (const isMarked of [true, false])
          for (const isEcho of [true, false])
            for (const pinned of [OURS, THEIRS, null])
              for (const kind of ["labfleet", "python"] as const)
                for (const stored of [null, SHA, OTHER_SHA]) {
                  const echo = isEcho ? ECHO : { ...ECHO, bytes: 1235 };
                  const type = isMarked ? PROBLEM_TYPE + reason : "about:blank";
                  const problem = { type, title: "T", status, reason, detail: "D", receiver_id: OURS, echo };
                  const body = stored === null ? problem : { ...problem, sha256: stored };
                  const headers = { "content-type": "application/problem+json" };
                  const trust = { pinned, kind, isVerifiedTls: false };
                  yield { answer: { resource, status, headers, body }, trust, isMarked, isEcho, reason, stored };
                }
}

/** The only refusals that are about an episode, with the status that each of them has. */
const JUDGED: Readonly<Record<string, number>> = { "commit-not-accepted": 412, "too-large": 413 };

function allowed({ answer: { status, resource }, trust, isMarked, isEcho, reason, stored }: Walk): Verdict["kind"][] {
  if (isMarked && trust.pinned === THEIRS) return ["other-receiver"];
  if (STOPS_AT_ONCE(status, isMarked)) return ["pause"];
  if (trust.kind === "python" && !isMarked && resource === "put") {
    // What it says of another digest contradicts itself.
    if ([200, 201, 409].includes(status) && stored === OTHER_SHA) return ["retry"];
    if ([200, 201, 409].includes(status)) return ["delivered-unverified"];
    return [400, 412].includes(status) ? ["quarantine"] : ["retry"];
  }
  const mayJudge = isMarked && isEcho && trust.pinned === OURS;
  if (mayJudge && status === 409 && reason === "conflict" && stored !== null)
    return [stored === SHA ? "delivered" : "quarantine"];
  return [mayJudge && JUDGED[reason] === status ? "quarantine" : "retry"];
}

test("every refusal there can be: quarantine only for a judgement, a stop only for what stops at once", () => {
  const wrong: string[] = [];
  let walked = 0;
  for (const walk of refusals()) {
    const verdict = classifyAnswer(walk.answer, SENT, walk.trust);
    walked++;
    if (!allowed(walk).includes(verdict.kind)) wrong.push(`${JSON.stringify(walk)} -> ${verdict.kind}`);
  }
  expect(walked).toBe(2 * 500 * REASONS.length * 2 * 2 * 3 * 2 * 3);
  expect(wrong.slice(0, 5)).toEqual([]);
});

test("every status with every damaged receipt: nothing is delivered", () => {
  const receipt = { status: "stored", host_id: "lab1", episode_id: "ep1", bytes: 1234, sha256: SHA, tree_sha256: null };
  const whole = { ...receipt, received_at_wall: "", receiver_id: OURS };
  const damaged = [
    null,
    "",
    [],
    {},
    { ...whole, bytes: 1 },
    { ...whole, sha256: "c".repeat(64) },
    { ...whole, host_id: "x" },
  ];
  for (let status = 100; status <= 599; status++) {
    for (const body of [...damaged, { ...whole, receiver_id: null }, whole]) {
      for (const resource of ["put", "judge"] as const) {
        const trust = { pinned: OURS, kind: "labfleet", isVerifiedTls: true } as const;
        const { kind } = classifyAnswer({ resource, status, headers: {}, body }, SENT, trust);
        const isReceipt = body === whole && resource === "put" && (status === 200 || status === 201);
        expect([status, kind === "delivered" || kind === "delivered-unverified"]).toEqual([status, isReceipt]);
      }
    }
  }
});

describe("one answer to one episode among others", () => {
  test("stops no other, whatever it is, but for the causes that stop the queue at once", () => {
    const stopped = new Set<string>();
    for (const walk of refusals()) {
      const { status } = walk.answer;
      if (walk.stored !== null) continue;
      const verdict = classifyAnswer(walk.answer, SENT, walk.trust);
      if (verdict.kind !== "retry") continue;
      const pausing = new Pausing();
      pausing.failed("ep1", verdict, 3, 0, (probes) => probeWaitMs(probes, 1, null));
      if (pausing.pause !== null) stopped.add(`${status} ${walk.reason}`);
    }
    expect([...stopped]).toEqual([]);
  });
});
