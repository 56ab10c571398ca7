// Sends a notice to one channel. What it takes for an answer is policy: only a 2xx has taken it, and only what surely was not taken may
// be put together anew.

import { errorText } from "../../../core/failure.ts";
import { type Finding, inWords } from "../../../core/finding.ts";
import { quoted } from "../../../core/text/fields.ts";
import { severityOf } from "../../incidents/policy.ts";
import type { Channel } from "../channel.ts";
import type { Notice, Outcome } from "../mailbox.ts";
import { body, document, title } from "../words.ts";
import { pipeTo } from "./pipe.ts";
import { post } from "./post.ts";
import { mailTo } from "./smtp.ts";
import { type Target, targetOf } from "./target.ts";
import { explainPosted, isTaken, type Posted } from "./web-failures.ts";

/** Tries once. Never rejects for an error of the system. An Alertmanager takes no notices (alertmanager.ts). */
export async function send(channel: Channel, notice: Notice): Promise<Outcome> {
  if (channel.type === "command") return pipeTo(channel.command, `${JSON.stringify(document(notice))}\n`);
  if (channel.mail !== null) return mailTo(channel.mail, notice);
  const target = await targetOf(channel);
  if ("what" in target) return { sent: "refused", why: target };
  const { headers, text } = requestOf(channel, notice);
  return outcomeOf(await post({ ...target, headers: { ...headers, ...target.headers } }, text), target);
}

interface Request {
  headers: Readonly<Record<string, string>>;
  text: string;
}

/** So much of a text these take, bytes: of a longer one ntfy makes a file, or refuses it, and Slack cuts it. */
const TEXT_BYTES = { ntfy: 4096, slack: 35_000 };

function requestOf({ type }: Channel, notice: Notice): Request {
  const json = (value: unknown): Request => ({
    headers: { "content-type": "application/json", "idempotency-key": notice.id },
    text: JSON.stringify(value),
  });
  if (type === "slack")
    return json({ text: `*${slackText(title(notice))}*\n${body(notice, TEXT_BYTES.slack, slackText)}` });
  if (type === "webhook") return json(document(notice));
  const isBad = notice.rows.some((row) => BEGINS.includes(row.change) && severityOf(row) === "critical");
  const headers = { "content-type": "text/plain; charset=utf-8", title: ascii(title(notice)) };
  return {
    headers: { ...headers, priority: isBad ? "high" : "default", tags: isBad ? "rotating_light" : "white_check_mark" },
    text: body(notice, TEXT_BYTES.ntfy),
  };
}

/**
 * Slack's three characters as its entities (https://docs.slack.dev/messaging/formatting-message-text#escaping): what a check says calls
 * nobody, and is no link to anywhere.
 */
function slackText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const BEGINS: readonly string[] = ["firing", "growing"];

/** What a header field may hold. */
function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

function outcomeOf(posted: Posted, target: Target): Outcome {
  if (isTaken(posted)) return { sent: "taken", why: null };
  // A gateway's word for a server that may have taken it.
  const isUnsure = posted.kind === "failed" ? posted.wasSent : posted.status === 502 || posted.status === 504;
  return { sent: isUnsure ? "unsure" : "refused", why: explainPosted(posted, target) };
}

/** A fault of ours is told as the failure of the one channel that it has met: it costs no other its marks. */
export async function guarded<T>(act: () => Promise<T>, otherwise: (why: Finding) => T): Promise<T> {
  try {
    return await act();
  } catch (error) {
    return otherwise({ what: quoted(errorText(error)), fix: inWords("report this: it is a fault of fleet-health") });
  }
}
