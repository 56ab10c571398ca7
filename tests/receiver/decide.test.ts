// The receiver's decisions as tables: plain data in, refusal or go-ahead out.

import { describe, expect, test } from "bun:test";
import {
  type Accepted,
  type Credentials,
  type Declared,
  decideAccess,
  decideAdmission,
  decideGate,
  decideHeaders,
  decideProof,
  type Load,
  type PutHeaders,
  REFUSALS,
  type Refusal,
} from "../../lib/receiver/decide.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);
const T = "c".repeat(64);

const reasonOf = (decision: { kind: string } | Refusal | null): string =>
  decision === null ? "yes" : "reason" in decision ? decision.reason : decision.kind;

describe("access", () => {
  const token = (
    state: Credentials["token"],
    peerNames: string[] | null = null,
    tokenRequired = true,
  ): Credentials => ({
    token: state,
    peerNames,
    tokenRequired,
  });
  test.each<[string, Credentials, string]>([
    ["a valid token", token("valid"), "yes"],
    ["no token", token("absent"), "unauthorized"],
    ["an unknown token", token("unknown"), "unauthorized"],
    ["another host's token", token("other-host"), "wrong-host"],
    ["a token file that we cannot read is our fault", token({ unreadable: "EACCES" }), "tokens-unreadable"],
    ["no token where none is asked for", token("absent", null, false), "yes"],
    ["a certificate and a token", token("valid", ["lab1"]), "yes"],
    ["a certificate alone, token not required", token("absent", ["x", "lab1"], false), "yes"],
    ["a certificate alone, token required", token("absent", ["lab1"]), "unauthorized"],
    ["another host's certificate with the right token", token("valid", ["lab2"]), "wrong-host"],
    ["a certificate without a name", token("valid", []), "wrong-host"],
    ["a certificate's name in other case", token("valid", ["LAB1"]), "wrong-host"],
  ])("%s", (_, credentials, expected) => {
    expect(reasonOf(decideAccess(credentials, "lab1"))).toBe(expected);
  });
});

describe("gate", () => {
  const list: Accepted = { kind: "list", commits: new Set(["abc", "def"]) };
  const HEADERS = ["X-Labfleet-Code-Commit", "X-Cis490-Code-Commit"];
  test.each<[string | null, boolean, Accepted, string]>([
    ["abc", true, list, "commit"],
    ["xyz", true, list, "commit-not-accepted"],
    ["xyz", true, { kind: "any" }, "commit"],
    ["abc", true, { kind: "unreadable" }, "gate-unreadable"],
    [null, true, list, "missing-commit"],
    [null, false, list, "commit"],
    ["xyz", false, list, "commit-not-accepted"],
    ["", true, { kind: "any" }, "malformed-commit"],
    ["a b", true, { kind: "any" }, "malformed-commit"],
    ["a\nb", true, { kind: "any" }, "malformed-commit"],
    ["x".repeat(128), true, { kind: "any" }, "commit"],
    ["x".repeat(129), true, { kind: "any" }, "malformed-commit"],
  ])("%p, required %p, %p: %s", (commit, required, accepted, expected) => {
    expect(reasonOf(decideGate(commit, HEADERS, required, accepted))).toBe(expected);
  });
  test("a missing commit is told in the words that the Python fleet's health check looks for", () => {
    expect(decideGate(null, HEADERS, true, list)).toMatchObject({
      detail: "missing X-Labfleet-Code-Commit, missing X-Cis490-Code-Commit",
    });
  });
});

describe("headers", () => {
  const DIGEST = `sha-256=:${Buffer.from(A, "hex").toString("base64")}:`;
  const headers = (more: Partial<PutHeaders>): PutHeaders => ({
    contentLength: "100",
    transferEncoding: null,
    reprDigest: null,
    treeDigest: null,
    ...more,
  });
  test.each<[string, Partial<PutHeaders>, string]>([
    ["length alone", {}, "declared"],
    ["no length", { contentLength: null }, "length-required"],
    ["chunked", { transferEncoding: "chunked" }, "length-required"],
    ["empty body", { contentLength: "0" }, "malformed"],
    ["signed length", { contentLength: "+5" }, "malformed"],
    ["hex length", { contentLength: "0x10" }, "malformed"],
    ["two lengths", { contentLength: "5, 5" }, "malformed"],
    ["length beyond what a number holds", { contentLength: "9".repeat(16) }, "malformed"],
    ["largest", { contentLength: "1000" }, "declared"],
    ["one more", { contentLength: "1001" }, "too-large"],
    ["a digest", { reprDigest: DIGEST }, "declared"],
    ["an unknown algorithm", { reprDigest: "unixsum=:AAA=:" }, "declared"],
    ["a short digest", { reprDigest: "sha-256=:AAAA:" }, "malformed-digest"],
    ["a digest in hex", { reprDigest: `sha-256=${A}` }, "malformed-digest"],
    ["a tree digest", { treeDigest: `sha256:${T}` }, "declared"],
    ["a tree digest without its name", { treeDigest: T }, "malformed-digest"],
  ])("%s", (_, more, expected) => {
    expect(reasonOf(decideHeaders(headers(more), 1000))).toBe(expected);
  });
  test.each([
    [3 * 1024 ** 2, "3.0 MiB is more than the 1.0 MiB that one heartbeat may have"],
    // Rounded they would look alike.
    [1024 ** 2 + 8, "1048584 bytes is more than the 1048576 bytes that one heartbeat may have"],
  ])("%i bytes, and how many there may be, in words", (bytes, detail) => {
    expect(decideHeaders(headers({ contentLength: String(bytes) }), 1024 ** 2, "heartbeat")).toMatchObject({ detail });
  });
  test("digests come out in hex", () => {
    expect(decideHeaders(headers({ reprDigest: `md5=:x:, ${DIGEST}`, treeDigest: `sha256:${T}` }), 1000)).toEqual({
      kind: "declared",
      bytes: 100,
      sha256: A,
      treeSha256: T,
    });
  });
});

describe("room", () => {
  const limits = { uploadsTotal: 10, uploadsPerHost: 2, diskReserveBytes: 1000 };
  const room = { freeBytes: 2000, freeInodes: 256 };
  const load = (more: Partial<Load>): Load => ({ uploads: 0, uploadsOfHost: 0, room, outstandingBytes: 0, ...more });
  test.each<[string, Partial<Load>, number, string]>([
    ["to the byte", {}, 1000, "yes"],
    ["one byte too many", {}, 1001, "disk-full"],
    ["what others still have to send counts", { outstandingBytes: 1 }, 1000, "disk-full"],
    ["one of the host's places left", { uploadsOfHost: 1 }, 1, "yes"],
    ["none left for the host", { uploadsOfHost: 2 }, 1, "too-many-uploads"],
    ["none left at all", { uploads: 10 }, 1, "too-many-uploads"],
    ["bytes, and no inodes", { room: { freeBytes: 1e15, freeInodes: 255 } }, 1, "disk-full"],
  ])("%s", (_, more, bytes, expected) => {
    const decision = decideAdmission(load(more), limits, bytes);
    expect(reasonOf(decision)).toBe(expected);
    if (decision !== null) expect(decision.retryAfterS).toBeGreaterThan(0);
  });
});

test("the proof: an equal digest, or none declared", () => {
  const declared = (sha256: string | null): Declared => ({ kind: "declared", bytes: 1, sha256, treeSha256: null });
  expect(decideProof(declared(A), A)).toBeNull();
  expect(decideProof(declared(null), A)).toBeNull();
  expect(reasonOf(decideProof(declared(A), B))).toBe("digest-mismatch");
});

test("no fault of ours is answered by a 4xx: the shipper would quarantine the episode for it", () => {
  const ours = [
    "storage-failed",
    "internal",
    "stopping",
    "not-ready",
    "tokens-unreadable",
    "gate-unreadable",
    "damaged",
    "disk-full",
  ] as const;
  for (const reason of ours) expect(REFUSALS[reason][0]).toBeGreaterThanOrEqual(500);
});

test("a length that is none is said so", () => {
  const headers = { contentLength: "x", transferEncoding: null, reprDigest: null, treeDigest: null };
  expect(decideHeaders(headers, 1)).toMatchObject({ detail: "Content-Length is not a whole number" });
});

test("each refusal has the status that docs/protocol.md gives it", () => {
  const statuses = Object.fromEntries(Object.entries(REFUSALS).map(([reason, [status]]) => [reason, status]));
  expect(statuses).toEqual({
    ...{ "malformed-path": 400, malformed: 400, "malformed-digest": 400, "malformed-commit": 400 },
    ...{ "missing-commit": 400, "digest-mismatch": 400, unauthorized: 401, "wrong-host": 403, "reserved-name": 403 },
    ...{ "not-found": 404, "method-not-allowed": 405, "too-slow": 408, conflict: 409, "length-required": 411 },
    ...{ "commit-not-accepted": 412, "too-large": 413, "too-many-uploads": 429, "too-many-downloads": 429 },
    ...{ "head-too-large": 431, "client-gone": 499, "storage-failed": 500, internal: 500, stopping: 503 },
    ...{ "too-many-connections": 503, "not-ready": 503, "tokens-unreadable": 503, "gate-unreadable": 503 },
    ...{ damaged: 503, "being-read": 503, "disk-full": 507 },
    ...{ "code-unknown": 403, "code-used": 409, "host-exists": 409, "tokens-closed": 503 },
  });
});

test("every refusal has a title for people", () => {
  for (const [, title] of Object.values(REFUSALS)) expect(title).toMatch(/^[A-Z].*[a-z]$/);
});
