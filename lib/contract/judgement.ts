// Who may judge an episode (docs/protocol.md, “Who may judge”): the mark, the echo and the identity that an answer must
// carry before it may decide anything about an episode. Written by the receiver, read by the shipper and the heartbeat. Pure.

import { isSha256Hex, isTreeDigest } from "./digest.ts";

/** Every answer below /v1/ carries the id of the store that answers; HEAD has no body to say it in. */
export const RECEIVER_ID_HEADER = "X-Labfleet-Receiver-Id";

/** Ids of the stores whose episodes this one took over (`receiver identity --succeeds OLD`), separated by commas. */
export const SUCCEEDS_HEADER = "X-Labfleet-Receiver-Succeeds";

/** The machine that sends: hashed for labfleet alone (machine-id(5)), so that two machines of one name can be told apart. */
export const MACHINE_HEADER = "X-Labfleet-Machine";

/**
 * A HEAD of an episode carries a word of its own, and its answer repeats it: what a cache between the two has kept answers another
 * question. A shipper removes its copy on the strength of that answer alone.
 */
export const ASK_HEADER = "X-Labfleet-Ask";

/** The `reason` of a refusal as a header: HEAD has no body to say it in. */
export const REASON_HEADER = "X-Labfleet-Reason";

/** True for a word as shippers make them: random, in lower-case hex. */
export function isAsk(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{16,64}$/.test(value);
}

/** What `type` of a problem (RFC 9457) begins with when it comes from a labfleet receiver; the reason follows. */
export const PROBLEM_TYPE = "urn:labfleet:problem:";

export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** What a request said of its episode, as it arrived: null for what was not sent or could not be read. */
export interface Echo {
  host_id: string | null;
  episode_id: string | null;
  code_commit: string | null;
  /** Declared, bytes. */
  bytes: number | null;
  /** Declared, in hex. */
  sha256: string | null;
}

/** A refusal, as `application/problem+json` (RFC 9457). `reason` is for programs, `detail` for people. */
export interface Problem {
  /** PROBLEM_TYPE and the reason. */
  type: string;
  title: string;
  status: number;
  reason: string;
  detail: string;
  receiver_id: string;
  /** On all answers about an episode. */
  echo?: Echo;
  /** With 409, digests of what is stored, in hex. */
  sha256?: string;
  tree_sha256?: string | null;
}

/** Body of a 201 or 200: what the receiver proved and stored. Sizes in bytes, digests in hex. */
export interface Receipt {
  status: "stored" | "duplicate";
  host_id: string;
  episode_id: string;
  bytes: number;
  sha256: string;
  /** Digest of the uncompressed tar as the sender declared it; null when it declared none. */
  tree_sha256: string | null;
  /** ISO 8601, UTC, microseconds and offset: `2026-05-01T06:37:53.830599+00:00`. */
  received_at_wall: string;
  /** Null only from a receiver that knows no identity: the Python fleet's, or an older release. */
  receiver_id: string | null;
}

/** Body of `POST /v1/judge/<host>/<id>`: what a PUT of this episode would say in its headers. */
export interface JudgeRequest {
  bytes: number;
  sha256: string;
  tree_sha256: string | null;
  code_commit: string | null;
}

/** Body of its 200: what a PUT would get. `stored`: the receiver has this very content. Refusals are those of PUT. */
export interface JudgeAnswer {
  would: "accept" | "stored";
  receiver_id: string;
  echo: Echo;
}

/** As receivers write them: a word that can stand in a log as it is. */
const REASON = /^[a-z][a-z0-9-]{0,63}$/;

const RECEIVER_ID = /^[0-9a-f]{32}$/;

/** True for an id as receivers make them: 128 random bits in lower-case hex. */
export function isReceiverId(value: unknown): value is string {
  return typeof value === "string" && RECEIVER_ID.test(value);
}

/** How many stores one may succeed. */
export const SUCCEEDS_MAX = 8;

/** The SUCCEEDS_HEADER of these ids. */
export function formatSucceeds(ids: readonly string[]): string {
  return ids.join(", ");
}

/** The ids in a SUCCEEDS_HEADER: none without one, and none if any part of it is no id. */
export function readSucceeds(value: string | null): string[] {
  const ids = (value ?? "").split(",").map((part) => part.trim());
  return ids.every(isReceiverId) && ids.length <= SUCCEEDS_MAX ? ids : [];
}

/** The path of the judge of an episode below the receiver's base URL. */
export function judgePath({ host, id }: { host: string; id: string }): string {
  return `/v1/judge/${host}/${id}`;
}

/** Reads a receipt from a parsed body; null when it is none. */
export function readReceipt(body: unknown): Receipt | null {
  if (!isTable(body)) return null;
  const { status, host_id, episode_id, bytes, sha256, tree_sha256 = null, received_at_wall, receiver_id = null } = body;
  if (status !== "stored" && status !== "duplicate") return null;
  if (typeof host_id !== "string" || typeof episode_id !== "string") return null;
  if (typeof received_at_wall !== "string" || typeof bytes !== "number" || !isSha256Hex(sha256)) return null;
  if (tree_sha256 !== null && !isTreeDigest(tree_sha256)) return null;
  if (receiver_id !== null && !isReceiverId(receiver_id)) return null;
  return { status, host_id, episode_id, bytes, sha256, tree_sha256, received_at_wall, receiver_id };
}

/** Reads a problem of ours from a parsed body; null for anything that does not carry our mark. */
export function readProblem(body: unknown, contentType: string | null): Problem | null {
  if (!isTable(body) || mediaType(contentType) !== PROBLEM_MEDIA_TYPE) return null;
  const { type, title, status, reason, detail, receiver_id, sha256, tree_sha256 } = body;
  if (typeof reason !== "string" || !REASON.test(reason) || type !== PROBLEM_TYPE + reason) return null;
  if (typeof status !== "number") return null;
  if (typeof detail !== "string" || !isReceiverId(receiver_id)) return null;
  const echo = readEcho(body.echo);
  return {
    type,
    title: typeof title === "string" ? title : "",
    status,
    reason,
    detail,
    receiver_id,
    ...(echo !== null && { echo }),
    ...(isSha256Hex(sha256) && { sha256 }),
    ...((tree_sha256 === null || isTreeDigest(tree_sha256)) && { tree_sha256 }),
  };
}

/** Reads the 200 of a judge; null when it is none. */
export function readJudgeAnswer(body: unknown): JudgeAnswer | null {
  if (!isTable(body)) return null;
  const { would, receiver_id } = body;
  const echo = readEcho(body.echo);
  if ((would !== "accept" && would !== "stored") || !isReceiverId(receiver_id) || echo === null) return null;
  return { would, receiver_id, echo };
}

/** Whether an answer is about exactly what was asked: one damaged bit of a request's head and it is not. */
export function isEchoOf(echo: Echo, sent: Echo): boolean {
  return (
    echo.host_id === sent.host_id &&
    echo.episode_id === sent.episode_id &&
    echo.code_commit === sent.code_commit &&
    echo.bytes === sent.bytes &&
    echo.sha256 === sent.sha256
  );
}

function readEcho(value: unknown): Echo | null {
  if (!isTable(value)) return null;
  const { host_id, episode_id, code_commit, bytes, sha256 } = value;
  if (!isTextOrNull(host_id) || !isTextOrNull(episode_id) || !isTextOrNull(code_commit)) return null;
  if (!isTextOrNull(sha256) || (bytes !== null && typeof bytes !== "number")) return null;
  return { host_id, episode_id, code_commit, bytes, sha256 };
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mediaType(contentType: string | null): string {
  return (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}
