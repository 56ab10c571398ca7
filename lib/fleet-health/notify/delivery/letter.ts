// A notice as a mail. Pure.

import type { Mail } from "../channel.ts";
import type { Notice } from "../mailbox.ts";
import { body, subject } from "../words.ts";

export interface Letter {
  from: string;
  to: readonly string[];
  subject: string;
  text: string;
  /** The same for each try of a notice: whoever got it twice sees it once. */
  messageId: string;
}

/** @param collector the name of this machine: two collectors count their notices each for itself */
export function letterOf(notice: Notice, { from, to }: Pick<Mail, "from" | "to">, collector: string): Letter {
  return {
    ...{ from, to, messageId: messageIdOf(notice, from, collector) },
    subject: subject(notice),
    text: `${body(notice)}\n`,
  };
}

/** A history that was begun anew counts from one again: the time of its first row tells its notices from older ones. */
function messageIdOf({ id, rows }: Notice, from: string, collector: string): string {
  const at = (rows[0]?.at ?? "").replace(/\D/g, "").slice(0, 14);
  const local = [id, at, collector].map((part) => atom(part).slice(-80)).join(".");
  return `<${local}@${from.slice(from.lastIndexOf("@") + 1)}>`;
}

/** Letters, digits and `-`; of anything else its code, so that two names stay two. */
function atom(text: string): string {
  return text.replace(/[^A-Za-z0-9-]/g, (one) => `_${one.charCodeAt(0).toString(16)}`);
}

/** As what this machine greets a mail server: its name where that is a whole one, else its address. */
export function greetingOf(collector: string, address: string): string {
  if (/^[A-Za-z\d-]+(\.[A-Za-z\d-]+)+$/.test(collector) && !/^[\d.]+$/.test(collector)) return collector;
  return address.includes(":") ? `[IPv6:${address}]` : `[${address}]`;
}
