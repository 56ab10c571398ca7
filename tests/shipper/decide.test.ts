// What each answer means: literals in, verdicts out. The walk over every answer there can be is in who-may-judge.test.ts.

import { describe, expect, test } from "bun:test";
import { PROBLEM_TYPE } from "../../lib/contract/judgement.ts";
import { classifyAnswer } from "../../lib/shipper/decide.ts";
import type { Trust } from "../../lib/shipper/trust/trust.ts";
import type { Answer, Sent, Verdict } from "../../lib/shipper/trust/verdict.ts";

const SHA = "a".repeat(64);
const TREE = "b".repeat(64);
const OTHER_SHA = "c".repeat(64);
const OURS = "1".repeat(32);
const THEIRS = "2".repeat(32);
const SENT: Sent = { host: "lab1", id: "ep1", bytes: 1234, sha256: SHA, treeSha256: TREE, commit: "abc" };
const ECHO = { host_id: "lab1", episode_id: "ep1", code_commit: "abc", bytes: 1234, sha256: SHA };
const PINNED: Trust = { pinned: OURS, kind: "labfleet", isVerifiedTls: false };
const RECEIPT = {
  status: "stored",
  host_id: "lab1",
  episode_id: "ep1",
  bytes: 1234,
  sha256: SHA,
  tree_sha256: TREE,
  received_at_wall: "2026-05-01T06:37:53.830599+00:00",
  receiver_id: OURS,
};

function answer(status: number, body: unknown, change: Partial<Answer> = {}): Answer {
  return { resource: "put", status, headers: { "content-type": "application/problem+json" }, body, ...change };
}

function problem(status: number, reason: string, change: Record<string, unknown> = {}): Answer {
  const type = PROBLEM_TYPE + reason;
  const body = { type, title: "T", status, reason, detail: "D", receiver_id: OURS, echo: ECHO, ...change };
  return answer(status, body);
}

const judge = (given: Answer, trust: Partial<Trust> = {}, sent: Partial<Sent> = {}): Verdict =>
  classifyAnswer(given, { ...SENT, ...sent }, { ...PINNED, ...trust });

describe("a receipt", () => {
  test("of a stored episode delivers it, and is handed on whole", () => {
    expect(judge(answer(201, RECEIPT))).toEqual({
      kind: "delivered",
      receipt: { ...RECEIPT, status: "stored" },
      pin: null,
    });
  });

  test("is the first that a host gets: its receiver is pinned", () => {
    expect(judge(answer(200, RECEIPT), { pinned: null })).toMatchObject({ kind: "delivered", pin: OURS });
  });

  test("for the same tree in other bytes delivers only what was there before", () => {
    const other = { ...RECEIPT, sha256: OTHER_SHA, bytes: 1 };
    expect(judge(answer(200, { ...other, status: "duplicate" }))).toMatchObject({ kind: "delivered" });
    expect(judge(answer(201, other))).toMatchObject({ kind: "retry", reason: "receipt-mismatch", repack: true });
  });

  for (const [what, change] of Object.entries({
    "another host": { host_id: "lab2" },
    "another episode": { episode_id: "ep2" },
    "another length": { bytes: 1235 },
    "another digest": { sha256: OTHER_SHA },
    "another tree of a duplicate": { status: "duplicate", sha256: OTHER_SHA, tree_sha256: OTHER_SHA },
    "no tree of a duplicate": { status: "duplicate", sha256: OTHER_SHA, tree_sha256: null },
  })) {
    test(`of ${what} delivers nothing: the archive is made anew`, () => {
      const verdict = judge(answer(200, { ...RECEIPT, ...change }));
      expect(verdict).toMatchObject({ kind: "retry", reason: "receipt-mismatch", repack: true });
    });
  }

  for (const [what, body] of Object.entries({
    "a portal's page": null,
    "a list": [],
    "an empty object": {},
    "another word": { ...RECEIPT, status: "ok" },
    "no digest": { ...RECEIPT, sha256: "x" },
    "an id that is none": { ...RECEIPT, receiver_id: "x" },
  })) {
    test(`is not ${what}: only this episode waits`, () => {
      expect(judge(answer(200, body))).toMatchObject({ kind: "retry", reason: "no-receipt", repack: false });
    });
  }

  test("that names no receiver delivers nothing", () => {
    expect(judge(answer(201, { ...RECEIPT, receiver_id: null }))).toMatchObject({
      kind: "retry",
      reason: "no-identity",
    });
  });
});

describe("another collector", () => {
  for (const [what, given] of [
    ["stores", answer(201, { ...RECEIPT, receiver_id: THEIRS })],
    ["refuses", problem(412, "commit-not-accepted", { receiver_id: THEIRS })],
    ["knows no token of ours", problem(401, "unauthorized", { receiver_id: THEIRS })],
    ["has a full disk", problem(507, "disk-full", { receiver_id: THEIRS })],
    ["judges", answer(200, { would: "accept", receiver_id: THEIRS, echo: ECHO }, { resource: "judge" })],
  ] as const) {
    test(`that ${what} stops the queue, and its id is named`, () => {
      const verdict = judge(given);
      expect(verdict).toMatchObject({ kind: "other-receiver", receiverId: THEIRS, reason: "another-collector" });
      expect(verdict).toMatchObject({ detail: expect.stringContaining(`its id is ${THEIRS}`) });
    });
  }

  const moved = { headers: { "x-labfleet-receiver-succeeds": `${"3".repeat(32)}, ${OURS}` } };
  test("that follows ours is pinned anew over verified TLS", () => {
    const given = answer(201, { ...RECEIPT, receiver_id: THEIRS }, moved);
    expect(judge(given, { isVerifiedTls: true })).toMatchObject({ kind: "delivered", pin: THEIRS });
    expect(judge(given, { isVerifiedTls: false })).toMatchObject({ kind: "other-receiver" });
  });

  test("that follows somebody else is another one", () => {
    const headers = { "x-labfleet-receiver-succeeds": "3".repeat(32) };
    const given = answer(201, { ...RECEIPT, receiver_id: THEIRS }, { headers });
    expect(judge(given, { isVerifiedTls: true })).toMatchObject({ kind: "other-receiver" });
  });
});

describe("a judgement", () => {
  for (const [status, reason] of [
    [412, "commit-not-accepted"],
    [413, "too-large"],
  ] as const) {
    test(`${status} ${reason} of the pinned receiver refuses the episode`, () => {
      const refused = { kind: "quarantine", reason, detail: "D", judgedBy: OURS } as const;
      expect(judge(problem(status, reason))).toEqual(refused);
      expect(judge({ ...problem(status, reason), resource: "judge" })).toEqual(refused);
    });
  }

  test("missing-commit holds an episode that was sent without a stamp", () => {
    const given = problem(400, "missing-commit", { echo: { ...ECHO, code_commit: null } });
    expect(judge(given, {}, { commit: null })).toEqual({ kind: "unstamped", detail: "D" });
  });

  test("missing-commit about an episode that we did stamp is a damaged head", () => {
    const lost = problem(400, "missing-commit", { echo: { ...ECHO, code_commit: null } });
    for (const given of [lost, problem(400, "missing-commit")]) {
      expect(judge(given)).toMatchObject({ kind: "retry", reason: "missing-commit", repack: false });
    }
  });

  for (const [what, change] of Object.entries({
    "of another host": { host_id: "lab2" },
    "of another episode": { episode_id: "ep2" },
    "of another commit": { code_commit: "abd" },
    "of no commit": { code_commit: null },
    "of another length": { bytes: 1235 },
    "of another digest": { sha256: OTHER_SHA },
    "of no digest": { sha256: null },
  })) {
    test(`with an echo ${what} judges nothing`, () => {
      for (const [status, reason] of [
        [412, "commit-not-accepted"],
        [413, "too-large"],
        [409, "conflict"],
      ] as const) {
        const given = problem(status, reason, { echo: { ...ECHO, ...change }, sha256: OTHER_SHA });
        expect(judge(given)).toMatchObject({ kind: "retry", status, reason });
      }
    });
  }

  test("without an echo, without a pin, or without our mark judges nothing", () => {
    expect(judge(problem(412, "commit-not-accepted", { echo: undefined }))).toMatchObject({ kind: "retry" });
    expect(judge(problem(412, "commit-not-accepted"), { pinned: null })).toMatchObject({ kind: "retry" });
    expect(judge(problem(412, "commit-not-accepted", { type: "about:blank" }))).toMatchObject({ kind: "retry" });
    const html = answer(412, problem(412, "commit-not-accepted").body, { headers: { "content-type": "text/html" } });
    expect(judge(html)).toMatchObject({ kind: "retry", isMarked: false });
  });

  test("whose status was rewritten on its way is nobody's word", () => {
    const given = { ...problem(412, "commit-not-accepted"), status: 403 };
    expect(judge(given)).toMatchObject({ kind: "retry", status: 403, isMarked: false, reason: "status-403" });
  });

  test("of a reason that comes with another status is none", () => {
    expect(judge(problem(412, "too-large"))).toMatchObject({ kind: "retry" });
    expect(judge(problem(400, "commit-not-accepted"))).toMatchObject({ kind: "retry" });
  });
});

describe("a conflict (409)", () => {
  test("with our own digest, or our own tree, is a delivery", () => {
    for (const stored of [{ sha256: SHA }, { sha256: OTHER_SHA, tree_sha256: TREE }]) {
      expect(judge(problem(409, "conflict", stored))).toMatchObject({
        kind: "delivered",
        receipt: { status: "duplicate", host_id: "lab1", episode_id: "ep1", sha256: stored.sha256, receiver_id: OURS },
      });
    }
  });

  test("with our own tree as an older release packed it is a delivery, too: its answer may have been lost", () => {
    const first = "9".repeat(64);
    const sent: Sent = { ...SENT, treeSha256: `v2:${TREE}`, firstTreeSha256: first };
    for (const [tree_sha256, kind] of [
      [first, "delivered"],
      [`v2:${TREE}`, "delivered"],
      [TREE, "quarantine"],
      [null, "quarantine"],
    ]) {
      const answered = problem(409, "conflict", { sha256: OTHER_SHA, tree_sha256 });
      expect(classifyAnswer(answered, sent, PINNED)).toMatchObject({ kind });
    }
    // Where nothing is known of one, nothing is equal to it.
    const unknown: Sent = { ...SENT, treeSha256: null };
    const answered = problem(409, "conflict", { sha256: OTHER_SHA, tree_sha256: null });
    expect(classifyAnswer(answered, unknown, PINNED)).toMatchObject({ kind: "quarantine" });
  });

  test("with another digest is quarantine", () => {
    const verdict = judge(problem(409, "conflict", { sha256: OTHER_SHA, tree_sha256: OTHER_SHA }));
    expect(verdict).toMatchObject({ kind: "quarantine", reason: "conflict", judgedBy: OURS });
  });

  test("that does not say what is stored, or is a page, decides nothing", () => {
    expect(judge(problem(409, "conflict"))).toMatchObject({ kind: "retry", reason: "conflict" });
    expect(judge(answer(409, null, { headers: { "content-type": "text/html" } }))).toMatchObject({ kind: "retry" });
    expect(judge(answer(409, { sha256: SHA }))).toMatchObject({ kind: "retry" });
  });
});

describe("the judge's word", () => {
  const word = (change: Record<string, unknown> = {}): Answer =>
    answer(200, { would: "accept", receiver_id: OURS, echo: ECHO, ...change }, { resource: "judge" });
  test("is accept or stored", () => {
    expect(judge(word())).toEqual({ kind: "would", would: "accept", pin: null });
    expect(judge(word({ would: "stored" }), { pinned: null })).toEqual({ kind: "would", would: "stored", pin: OURS });
  });
  test("with another echo, or another word, is none; and a receipt is no word", () => {
    for (const given of [word({ echo: { ...ECHO, bytes: 1 } }), word({ would: "yes" }), { ...word(), body: RECEIPT }]) {
      expect(judge(given)).toMatchObject({ kind: "retry", reason: "no-judgement" });
    }
    expect(judge({ ...word(), resource: "put" })).toMatchObject({ kind: "retry", reason: "no-receipt" });
  });
});

describe("our own misconfiguration", () => {
  test("401 and 403 stop the queue only with our mark", () => {
    expect(judge(problem(401, "unauthorized"))).toMatchObject({ kind: "pause", reason: "unauthorized" });
    expect(judge(problem(403, "wrong-host"))).toMatchObject({ kind: "pause", reason: "wrong-host" });
    for (const status of [401, 403]) expect(judge(answer(status, null))).toMatchObject({ kind: "retry", status });
  });
  for (const status of [300, 301, 302, 307, 308, 399, 407, 421, 426]) {
    test(`${status} stops the queue, whoever says it`, () => {
      expect(judge(answer(status, null))).toMatchObject({ kind: "pause", status, isMarked: false });
    });
  }
});

describe("anything else", () => {
  test("keeps what was said, and no more than 300 characters of it", () => {
    expect(judge(answer(402, { detail: "pay" }, { headers: {} }))).toMatchObject({
      kind: "retry",
      status: 402,
      reason: "status-402",
      detail: "pay",
    });
    const verdict = judge(problem(500, "internal", { detail: "x".repeat(1000) }));
    expect(verdict).toMatchObject({ kind: "retry", detail: "x".repeat(300) });
  });

  test("asks for a new archive only where the receiver computed another digest", () => {
    expect(judge(problem(400, "digest-mismatch"))).toMatchObject({ kind: "retry", repack: true });
    expect(judge(answer(400, { reason: "digest-mismatch" }))).toMatchObject({ kind: "retry", repack: false });
    expect(judge(problem(400, "malformed"))).toMatchObject({ kind: "retry", repack: false });
  });
});

describe("a Python receiver", () => {
  const python: Partial<Trust> = { pinned: null, kind: "python" };
  const json = { "content-type": "application/json" };
  const say = (status: number, body: unknown): Verdict => judge(answer(status, body, { headers: json }), python);
  test("delivers with JSON that contradicts nothing, and proves nothing", () => {
    for (const status of [200, 201, 409]) {
      for (const body of [{}, { status: "ok" }, { sha256: SHA, bytes: 1234, host_id: "lab1", episode_id: "ep1" }]) {
        expect(say(status, body)).toEqual({ kind: "delivered-unverified" });
      }
    }
  });
  test("delivers nothing with a page, or with figures that are not ours", () => {
    for (const status of [200, 201, 409]) {
      for (const body of [null, "ok", [], { sha256: OTHER_SHA }, { bytes: 1 }, { host_id: "x" }, { episode_id: "x" }]) {
        expect(say(status, body)).toMatchObject({ kind: "retry", status });
      }
    }
  });
  test("refuses with 400 and 412 and JSON, and with nothing else", () => {
    for (const status of [400, 412]) {
      const refused = { kind: "quarantine", reason: `status-${status}`, detail: "no commit", judgedBy: null } as const;
      expect(say(status, { detail: "no commit" })).toEqual(refused);
      expect(say(status, null)).toMatchObject({ kind: "retry" });
    }
    for (const status of [401, 403, 404, 411, 413, 422, 500])
      expect(say(status, { detail: "x" })).toMatchObject({ kind: "retry", status });
  });
  test("that turns out to be ours is judged as one of ours", () => {
    const verdict = judge(problem(412, "commit-not-accepted"), { kind: "python", pinned: OURS });
    expect(verdict).toMatchObject({ kind: "quarantine", judgedBy: OURS });
  });
});
