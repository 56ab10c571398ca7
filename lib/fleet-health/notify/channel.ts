// Whom the health check tells, and what each of them wants to hear. Pure: now is an argument.

import type { IncidentRow } from "../../contract/incident-row.ts";
import { COLLECTOR, MANY } from "../incidents/incident.ts";

export const CHANNEL_TYPES = ["webhook", "ntfy", "slack", "email", "alertmanager", "command"] as const;
export type ChannelType = (typeof CHANNEL_TYPES)[number];

export interface Channel {
  name: string;
  type: ChannelType;
  /** Where it is posted to; null of a command and of mail, and where `urlFile` says it. */
  url: string | null;
  urlFile: string | null;
  /** Holds the token of its Authorization header; null: it has none. */
  tokenFile: string | null;
  /** Authorities that may have signed for where it is posted to, as PEM, in place of those that everybody knows; null: those. */
  caBundle: string | null;
  /** The program and its arguments: no shell reads it. */
  command: readonly string[];
  /** Null: it is no mail. */
  mail: Mail | null;
  /** These symptoms alone, and these hosts; null: all. */
  symptoms: readonly string[] | null;
  hosts: readonly string[] | null;
  quiet: Quiet | null;
}

/** How a connection to a mail server is encrypted: after its greeting, from its first byte on, or not at all. */
export const MAIL_TLS = ["starttls", "implicit", "none"] as const;
export type MailTls = (typeof MAIL_TLS)[number];

/** Through which server, from whom and to whom. */
export interface Mail {
  host: string;
  port: number;
  tls: MailTls;
  /** Authorities that may have signed for the server, as PEM, instead of those that everybody knows; null: those. */
  caBundle: string | null;
  /** Who logs in, and the file that holds the password; null: nobody does. */
  user: string | null;
  passwordFile: string | null;
  from: string;
  to: readonly string[];
}

/** Hours in which nothing is told: what still stands is told after. */
export interface Quiet {
  /** Minutes since midnight; `from` after `to`: over midnight. */
  from: number;
  to: number;
  /** An IANA time zone. */
  zone: string;
}

/** Whether a channel wants to hear of it. What is wrong with many, or with the collector, is of every host. */
export function wants({ symptoms, hosts }: Channel, { symptom, host }: Pick<IncidentRow, "symptom" | "host">): boolean {
  const plain = symptom.replace(/^fleet-/, "");
  const isOfInterest = symptoms === null || symptoms.includes(plain) || symptoms.includes(symptom);
  return isOfInterest && (hosts === null || host === MANY || host === COLLECTOR || hosts.includes(host));
}

/** Whether it is quiet now, by the clock of its zone. */
export function isQuiet(quiet: Quiet | null, nowMs: number): boolean {
  if (quiet === null) return false;
  const { from, to, zone } = quiet;
  const now = minuteOf(nowMs, zone);
  return from <= to ? from <= now && now < to : now >= from || now < to;
}

function minuteOf(nowMs: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", hour12: false });
  const [hour = 0, minute = 0] = parts.format(nowMs).split(":").map(Number);
  return (hour % 24) * 60 + minute;
}

/** Reads `22:30`: minutes since midnight; null when it is none. */
export function parseClock(text: string): number | null {
  const [, hour, minute] = /^(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  const [h, m] = [Number(hour), Number(minute)];
  return h <= 23 && m <= 59 ? h * 60 + m : null;
}

export function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat("en-GB", { timeZone: zone }).format(0) !== "";
  } catch {
    return false;
  }
}
