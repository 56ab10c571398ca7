// Asks the collector to take this host's token for its code.

import { createHash } from "node:crypto";
import { type Client, openClient, type Reply } from "../client/client.ts";
import { explainAnswer } from "../client/failures/answers.ts";
import { ENROL_PATH, type EnrolRequest, parseEnrolAnswer } from "../contract/enrolment.ts";
import { readProblem } from "../contract/judgement.ts";
import { type Command, type Fix, inWords, type Mendable } from "../core/finding.ts";
import { quoted } from "../core/text/fields.ts";
import type { Enrolment, Introduced } from "./wanted.ts";

const ASK_MS = 15_000;

const collector = (...argv: string[]): Command => ({ argv: ["sudo", "receiver", ...argv], on: "collector" });
const another = (host: string): Fix => ({
  text: "make another code, and run the line that it prints",
  commands: [collector("enrol", "--host", host)],
});

/** What mends a refusal of the receiver. */
const FIXES: Readonly<Record<string, (host: string) => Fix>> = {
  "code-unknown": another,
  "code-used": another,
  "wrong-host": another,
  "reserved-name": () => inWords("take another --host"),
  "host-exists": (host) => ({
    text: "take another --host; or, where this machine takes the place of the one that has it",
    commands: [collector("enrol", "--host", host, "--replace")],
  }),
};

/** `isHeard`: the collector has said so; else nobody knows what has become of it. */
export type NotEnrolled = Mendable & { isHeard: boolean };

/** Why the collector does not take it; null: it does. Never throws for what the network does. @param isDry only whether it would */
export async function askToEnrol(
  { hostId, receiver, credentials }: Introduced,
  { code, token }: Enrolment,
  isDry: boolean,
  client: Client = openClient({ hostId, timeoutKey: "request_timeout_s" }),
): Promise<NotEnrolled | null> {
  const asked: EnrolRequest = {
    ...{ code, host_id: hostId, dry_run: isDry },
    token_sha256: createHash("sha256").update(token).digest("hex"),
  };
  const reply = await client.send(receiver, {
    ...{ method: "POST", path: ENROL_PATH, headers: { "Content-Type": "application/json" } },
    body: Buffer.from(JSON.stringify(asked)),
    ...{ stallMs: ASK_MS, answerMs: ASK_MS, totalMs: 2 * ASK_MS, signal: new AbortController().signal },
    ...(credentials !== null && { credentials }),
  });
  client.close();
  return whyNot(reply, { hostId, receiver }, isDry);
}

/** What an answer to it means. Pure. */
export function whyNot(
  reply: Reply,
  { hostId, receiver }: Pick<Introduced, "hostId" | "receiver">,
  isDry: boolean,
): NotEnrolled | null {
  if (reply.kind === "stopped")
    return { what: `${receiver.url} was not asked: stopped`, fix: inWords("run it again"), isHeard: false };
  if (reply.kind === "failed") return { ...reply.why, isHeard: false };
  const { status, headers, text } = reply;
  const answer = status === 200 ? parseEnrolAnswer(text) : null;
  if (answer?.host_id === hostId && answer.status === (isDry ? "would" : "enrolled")) return null;
  const { reason = null, detail = null } = readProblem(reply.body, headers["content-type"] ?? null) ?? {};
  const said = explainAnswer({ status, reason, detail, headers, text, receiver, hostId, path: ENROL_PATH });
  const fix = reason === null ? undefined : FIXES[reason]?.(hostId);
  const isHeard = reason !== null && status < 500;
  return fix === undefined
    ? { ...said, isHeard }
    : { what: `the collector does not take the code: ${quoted(detail ?? "")}`, fix, isHeard };
}
