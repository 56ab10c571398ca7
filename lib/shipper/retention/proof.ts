// What the receiver says of a settled episode, asked at the moment when its copy here might go.

import { randomBytes } from "node:crypto";
import { ASK_HEADER } from "../../contract/judgement.ts";
import { episodePath } from "../../contract/names.ts";
import { hostCommit, stampOf } from "../episode/commit.ts";
import type { Receipted, Rejection } from "../episode/notes.ts";
import { type SendDeps, type SendResult, sendArchive } from "../settle/send.ts";
import { readPin } from "../trust/pin.ts";
import { receiverIdOf } from "../trust/trust.ts";
import { classifyHead, type HeadSays } from "./decide.ts";

/** A HEAD may take so many times the stall time-out. */
const HEAD_FACTOR = 2;
/** A receiver answers within 20 s, be it that it still reads the archive. */
const READ_MS = 30_000;
const ASK_BYTES = 16;

/** Whether the pinned receiver has a shipped episode; `unreached` where nobody that could know it answered. */
export async function askHead(deps: SendDeps, kept: Receipted, signal: AbortSignal): Promise<HeadSays | "unreached"> {
  const { settings, client } = deps;
  const { requestTimeoutS, dataRoot, receiver, hostId } = settings.current();
  const stallMs = requestTimeoutS * 1000;
  const pinned = (await readPin(dataRoot).catch(() => null))?.receiver_id ?? null;
  if (pinned === null) return "unreached";
  const ask = randomBytes(ASK_BYTES).toString("hex");
  const reply = await client.send(receiver, {
    method: "HEAD",
    path: episodePath({ host: hostId, id: kept.id }),
    headers: { [ASK_HEADER]: ask, "Cache-Control": "no-cache" },
    body: null,
    stallMs,
    // An archive may be read before it is confirmed, and then 503 comes late: a miss would put this episode behind all others.
    answerMs: Math.max(stallMs, READ_MS),
    totalMs: Math.max(stallMs, READ_MS) * HEAD_FACTOR,
    signal,
  });
  if (reply.kind !== "answer") return "unreached";
  const said = classifyHead(reply, kept, pinned, ask);
  if (reply.answeredAtMs !== null && receiverIdOf(reply.headers) === pinned) await deps.days.seen(reply.answeredAtMs);
  if (said !== "unknown") return said;
  // It answered about this episode; anything else would be answered so for every other, too, as while the receiver stops.
  const isOther = receiverIdOf(reply.headers) !== pinned;
  return reply.status === 200 || (reply.status === 503 && isOther) ? "unknown" : "unreached";
}

/** Asks what a PUT of a settled episode would get now, with the stamp that it would carry now. */
export async function askJudge(
  deps: SendDeps,
  directory: string,
  { id, sent }: Pick<Rejection, "id" | "sent">,
  signal: AbortSignal,
): Promise<{ result: SendResult; stamp: string | null; hostCommit: string | null }> {
  const { commitFile } = deps.settings.current();
  const stamp = await stampOf(directory, commitFile);
  const { bytes = 0, sha256 = "", treeSha256 = null } = sent ?? {};
  const subject = { id, bytes, sha256, tree_sha256: treeSha256, code_commit: stamp };
  const result = await sendArchive(deps, subject, "judge", signal, () => {});
  return { result, stamp, hostCommit: await hostCommit(commitFile) };
}
