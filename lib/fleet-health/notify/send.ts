// Sends a notice to one channel. What it takes for an answer is policy: only a 2xx has taken it, and only what surely was not taken may
// be put together anew.

import { errorCode, errorText } from "../../core/failure.ts";
import { byCommands, type Finding, here, inWords } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { readIfExists } from "../../os/files/files.ts";
import { refusedFix } from "../../os/process/as-typed.ts";
import type { Channel } from "./channel.ts";
import type { Notice, Sent } from "./mailbox.ts";
import { pipeTo } from "./pipe.ts";
import { type Posted, post } from "./post.ts";
import { body, document, title } from "./words.ts";

/** How it went; `why`: what was in the way, null: nothing. */
export interface Outcome {
  sent: Sent;
  why: Finding | null;
}

/** Tries once. Never rejects for an error of the system. */
export async function send(channel: Channel, notice: Notice): Promise<Outcome> {
  if (channel.type === "command") return pipeTo(channel.command, `${JSON.stringify(document(notice))}\n`);
  const url = await secretOf(channel.urlFile, channel.url);
  if (typeof url !== "string") return { sent: "refused", why: url };
  const token = await secretOf(channel.tokenFile, "");
  if (typeof token !== "string") return { sent: "refused", why: token };
  if (!URL.canParse(url)) return { sent: "refused", why: { what: "its URL is none", fix: inWords("write it anew") } };
  const { headers, text } = requestOf(channel, notice);
  const auth = token === "" ? {} : { authorization: `Bearer ${token}` };
  return outcomeOf(await post(new URL(url), { ...headers, ...auth }, text));
}

interface Request {
  headers: Readonly<Record<string, string>>;
  text: string;
}

function requestOf({ type }: Channel, notice: Notice): Request {
  const json = (value: unknown): Request => ({
    headers: { "content-type": "application/json", "idempotency-key": notice.id },
    text: JSON.stringify(value),
  });
  if (type === "slack") return json({ text: `*${title(notice)}*\n${body(notice)}` });
  if (type === "webhook") return json(document(notice));
  const isBad = notice.rows.some(({ change }) => change === "firing");
  const headers = { "content-type": "text/plain; charset=utf-8", title: ascii(title(notice)) };
  return {
    headers: { ...headers, priority: isBad ? "high" : "default", tags: isBad ? "rotating_light" : "white_check_mark" },
    text: body(notice),
  };
}

/** What a header field may hold. */
function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

function outcomeOf(posted: Posted): Outcome {
  if (posted.kind === "failed") {
    const sent = posted.wasSent ? "unsure" : "refused";
    return { sent, why: { what: posted.why, fix: null } };
  }
  const { status, text } = posted;
  if (status >= 200 && status < 300) return { sent: "taken", why: null };
  const why = { what: `it answered ${status}${text === "" ? "" : `: ${quoted(text.trim())}`}`, fix: null };
  // A gateway's word for a server that may have taken it.
  return { sent: status === 502 || status === 504 ? "unsure" : "refused", why };
}

/** The first line of a file; what stands in the configuration where none is named. */
async function secretOf(file: string | null, plain: string | null): Promise<string | Finding> {
  if (file === null) return plain ?? "";
  try {
    const text = (await readIfExists(file, 64 * 1024))?.split("\n")[0]?.trim() ?? "";
    return text === "" ? { what: `${file} is empty, or not there`, fix: inWords("write it anew") } : text;
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    const isOfRights = code === "EACCES" || code === "EPERM";
    const fix = isOfRights
      ? byCommands(here("sudo", "chgrp", "labfleet", file), here("sudo", "chmod", "g+r", file))
      : refusedFix(code);
    return { what: `${file} cannot be read: ${quoted(errorText(error))}`, fix };
  }
}
