// What the shipper makes of every answer a server can give. The table below is DESIGN 3.4 in literals, written down
// apart from lib/shipper/decide.ts.

import { describe, expect, test } from "bun:test";
import { classifyAnswer, type SentArchive, type Verdict } from "../../lib/shipper/decide.ts";

const SHA = "a".repeat(64);
const OTHER = "c".repeat(64);
const TREE = "b".repeat(64);
const SENT: SentArchive = { host: "lab1", id: "ep1", bytes: 1234, sha256: SHA, treeSha256: TREE };
const RECEIPT = {
  status: "stored",
  host_id: "lab1",
  episode_id: "ep1",
  bytes: 1234,
  sha256: SHA,
  tree_sha256: TREE,
  received_at_wall: "2026-05-01T06:37:53.830599+00:00",
  receiver_id: null,
};

const classify = (status: number, body: unknown, mismatches = 0): Verdict =>
  classifyAnswer({ status, body }, SENT, mismatches);

/** The kind of verdict that DESIGN 3.4 asks for when the body says nothing. */
function expectedKind(status: number): Verdict["kind"] {
  if (status < 400) return "pause"; // 2xx without a receipt, redirects: not a receiver's answer
  if (status >= 500) return "retry";
  if (status === 409) return "delivered-unverified"; // an old receiver
  if ([401, 403, 404, 405, 407, 421, 426].includes(status)) return "pause";
  if ([408, 423, 425, 429].includes(status)) return "retry";
  return "quarantine";
}

const EVERY_STATUS = Array.from({ length: 400 }, (_, i) => 200 + i);

describe("every status from 200 to 599", () => {
  test("without a body is taken as the protocol says", () => {
    const got = EVERY_STATUS.map((status) => [status, classify(status, null).kind]);
    expect(got).toEqual(EVERY_STATUS.map((status) => [status, expectedKind(status)]));
  });

  test("with a receiver's problem is taken the same way, and keeps its words", () => {
    const problem = { reason: "some-reason", detail: "some detail" };
    for (const status of EVERY_STATUS.filter((s) => s >= 300 && s !== 409)) {
      expect(classify(status, problem)).toMatchObject({ kind: expectedKind(status), ...problem });
    }
  });

  test("with a matching receipt delivers at 200 and 201 only", () => {
    const delivering = EVERY_STATUS.filter((status) => classify(status, RECEIPT).kind === "delivered");
    // 409 carries our own digest here: that is the duplicate rule.
    expect(delivering).toEqual([200, 201, 409]);
  });

  test("never asks for packing again unless the archive is in doubt", () => {
    for (const status of EVERY_STATUS.filter((s) => s >= 400)) {
      const verdict = classify(status, null);
      if (verdict.kind === "retry") expect(verdict.repack).toBe(false);
    }
  });

  test("has a reason and a sentence where no problem came", () => {
    for (const status of EVERY_STATUS.filter((s) => s >= 300 && s !== 409)) {
      expect(classify(status, "<html>")).toMatchObject({
        reason: `status-${status}`,
        detail: `the receiver answered ${status}`,
      });
    }
  });
});

describe("a receipt", () => {
  test("of a stored episode delivers it, and is handed on whole", () => {
    expect(classify(201, RECEIPT)).toEqual({ kind: "delivered", receipt: { ...RECEIPT, status: "stored" } });
  });

  test("of an identical episode that was there already delivers it", () => {
    expect(classify(200, { ...RECEIPT, status: "duplicate" })).toMatchObject({ kind: "delivered" });
  });

  test("from an old receiver without tree_sha256 delivers, the tree digest being unknown", () => {
    const { tree_sha256: _, ...old } = RECEIPT;
    expect(classify(201, old)).toMatchObject({ kind: "delivered", receipt: { tree_sha256: null } });
  });

  test("of a duplicate packed by another release delivers when the tree digest is ours", () => {
    const packedByAnother = { ...RECEIPT, status: "duplicate", sha256: OTHER, bytes: 999 };
    expect(classify(200, packedByAnother)).toMatchObject({ kind: "delivered", receipt: { sha256: OTHER, bytes: 999 } });
  });

  test("of a fresh store must name our very bytes: an equal tree digest is not enough", () => {
    expect(classify(201, { ...RECEIPT, sha256: OTHER })).toMatchObject({ kind: "retry", reason: "receipt-mismatch" });
  });

  for (const [what, change] of Object.entries({
    "another host": { host_id: "lab2" },
    "another episode": { episode_id: "ep2" },
    "fewer bytes": { bytes: 1233 },
    "another digest": { sha256: OTHER },
    "another host and a duplicate with our tree digest": { host_id: "lab2", status: "duplicate", sha256: OTHER },
    "another id and a duplicate with our tree digest": { episode_id: "ep2", status: "duplicate" },
  })) {
    test(`that tells of ${what} proves nothing: packed and sent again`, () => {
      const verdict = classify(201, { ...RECEIPT, ...change });
      expect(verdict).toMatchObject({ kind: "retry", reason: "receipt-mismatch", repack: true });
    });
  }

  test("of a duplicate with another tree digest and another digest proves nothing", () => {
    const verdict = classify(200, { ...RECEIPT, status: "duplicate", sha256: OTHER, tree_sha256: OTHER });
    expect(verdict).toMatchObject({ kind: "retry", reason: "receipt-mismatch" });
  });

  test("that does not fit says both sides' figures", () => {
    const verdict = classify(201, { ...RECEIPT, bytes: 5 });
    expect("detail" in verdict ? verdict.detail : "").toContain("5 bytes");
    expect("detail" in verdict ? verdict.detail : "").toContain("1234 bytes");
  });

  for (const [what, body] of Object.entries({
    "a captive portal's page": null,
    "an empty object": {},
    "an array": [RECEIPT],
    "a text": "stored",
    "an unknown status word": { ...RECEIPT, status: "ok" },
    "a digest in capitals": { ...RECEIPT, sha256: SHA.toUpperCase() },
    "a digest one digit short": { ...RECEIPT, sha256: SHA.slice(1) },
    "bytes as a text": { ...RECEIPT, bytes: "1234" },
    "no time": { ...RECEIPT, received_at_wall: undefined },
    "a tree digest that is none": { ...RECEIPT, tree_sha256: "" },
    "no host": { ...RECEIPT, host_id: null },
  })) {
    test(`is not ${what}: the queue pauses, the episode is not at fault`, () => {
      expect(classify(200, body)).toMatchObject({ kind: "pause", reason: "no-receipt" });
    });
  }
});

describe("a conflict (409)", () => {
  test("with our own digest is a delivery", () => {
    const verdict = classify(409, { sha256: SHA, received_at_wall: "2026-05-01T00:00:00+00:00" });
    expect(verdict).toEqual({
      kind: "delivered",
      receipt: { ...RECEIPT, status: "duplicate", received_at_wall: "2026-05-01T00:00:00+00:00" },
    });
  });

  test("with our tree digest is a delivery", () => {
    const verdict = classify(409, { sha256: OTHER, tree_sha256: TREE });
    expect(verdict).toMatchObject({ kind: "delivered", receipt: { sha256: OTHER, received_at_wall: "" } });
  });

  test("with another digest is quarantined and never pruned: ours may be the only copy", () => {
    const verdict = classify(409, { reason: "conflict", detail: "x", sha256: OTHER, tree_sha256: OTHER });
    expect(verdict).toMatchObject({ kind: "quarantine", reason: "conflict", prunable: false });
    expect("detail" in verdict ? verdict.detail : "").toContain(OTHER);
    expect("detail" in verdict ? verdict.detail : "").toContain(SHA);
  });

  test("with another digest and no tree digest is quarantined", () => {
    expect(classify(409, { sha256: OTHER, tree_sha256: null })).toMatchObject({ kind: "quarantine" });
  });

  for (const [what, body] of Object.entries({
    "no body": null,
    "a page": "<html>",
    "the Python receiver's detail": { detail: "already exists" },
    "a digest that is none": { sha256: "abc" },
    "a digest in capitals": { sha256: OTHER.toUpperCase() },
  })) {
    test(`with ${what} is delivered, but not proved`, () => {
      expect(classify(409, body)).toEqual({ kind: "delivered-unverified" });
    });
  }
});

describe("a digest mismatch (400)", () => {
  const problem = { reason: "digest-mismatch", detail: "computed another" };

  test("is packed and sent again three times, then quarantined", () => {
    const verdicts = [0, 1, 2, 3, 4].map((mismatches) => classify(400, problem, mismatches));
    expect(verdicts.map(({ kind }) => kind)).toEqual(["retry", "retry", "retry", "quarantine", "quarantine"]);
    expect(verdicts[0]).toMatchObject({ repack: true, reason: "digest-mismatch" });
    expect(verdicts[3]).toMatchObject({ reason: "digest-mismatch", prunable: true });
  });

  test("counts for that reason only: any other 400 is quarantined at once", () => {
    for (const reason of ["missing-commit", "malformed", "Digest-Mismatch"]) {
      expect(classify(400, { reason })).toMatchObject({ kind: "quarantine", reason });
    }
  });

  test("under another status is what that status says", () => {
    expect(classify(422, problem)).toMatchObject({ kind: "quarantine", reason: "digest-mismatch" });
    expect(classify(503, problem)).toMatchObject({ kind: "retry", repack: false });
  });
});

describe("a refused episode may be pruned by age", () => {
  for (const [what, body, prunable] of [
    ["when a receiver gave a reason", { reason: "commit-not-accepted" }, true],
    ["when the Python receiver gave a detail", { detail: "missing X-Cis490-Code-Commit" }, true],
    ["not when the answer was a page", null, false],
    ["not when the body is an array", ["reason"], false],
    ["not when reason and detail are no texts", { reason: 1, detail: ["x"] }, false],
  ] as const) {
    test(what, () => {
      expect(classify(412, body)).toMatchObject({ kind: "quarantine", prunable });
    });
  }
});

test("a problem whose reason or detail is no text is put into our own words", () => {
  expect(classify(500, { reason: 7, detail: null })).toEqual({
    kind: "retry",
    reason: "status-500",
    detail: "the receiver answered 500",
    repack: false,
  });
});
