// Tells the channels what a run has to tell: what is sent stands in the state before, and what was taken is marked after. One channel
// that is broken keeps no other from being told.

import type { IncidentRow } from "../../contract/incident-row.ts";
import { type Finding, type Fix, here } from "../../core/finding.ts";
import { counted, formatSeconds } from "../../core/text/quantity.ts";
import type { Channel } from "./channel.ts";
import { ANY_CHANNEL, emptyMailbox, type Mailbox, type Notice, put, settle, take } from "./mailbox.ts";
import { type Outcome, send } from "./send.ts";

/** The mailboxes of the channels that there are, with what this run has to tell. Pure. */
export function outgoingOf(
  mailboxes: readonly Mailbox[],
  channels: readonly Channel[],
  rows: readonly IncidentRow[],
  nowMs: number,
): Outgoing[] {
  return channels.map((channel) => {
    const any = mailboxes.find((one) => one.channel === ANY_CHANNEL) ?? emptyMailbox(channel.name);
    const before = mailboxes.find((one) => one.channel === channel.name) ?? { ...any, channel: channel.name };
    return { channel, ...take(put(before, channel, rows), channel, nowMs) };
  });
}

export interface Outgoing {
  channel: Channel;
  mailbox: Mailbox;
  /** To be sent now; null: nothing is. */
  notice: Notice | null;
  isDue: boolean;
}

export interface Delivered {
  mailboxes: Mailbox[];
  /** Why channels were not told, by their names. */
  failures: Finding[];
}

/** Sends what is to be sent, the channels side by side. Never rejects for an error of the system. */
export async function deliver(
  outgoing: readonly Outgoing[],
  nowMs: number,
  sendTo: (channel: Channel, notice: Notice) => Promise<Outcome> = send,
): Promise<Delivered> {
  const done = await Promise.all(outgoing.map((one) => deliverOne(one, nowMs, sendTo)));
  return {
    mailboxes: done.map(({ mailbox }) => mailbox),
    failures: done.flatMap(({ failure }) => failure ?? []),
  };
}

async function deliverOne(
  { channel, mailbox, notice, isDue }: Outgoing,
  nowMs: number,
  sendTo: (channel: Channel, notice: Notice) => Promise<Outcome>,
): Promise<{ mailbox: Mailbox; failure: Finding | null }> {
  if (notice === null) return { mailbox, failure: isDue ? waits(channel, mailbox, nowMs) : null };
  const { sent, why } = await sendTo(channel, notice);
  const failure =
    why === null ? null : { what: `${channel.name} was not told: ${why.what}`, fix: why.fix ?? tryIt(channel) };
  return { mailbox: settle(mailbox, sent, nowMs), failure };
}

function waits({ name }: Channel, { nextTryMs, failures }: Mailbox, nowMs: number): Finding {
  const long = formatSeconds(Math.round((nextTryMs - nowMs) / 1000));
  return {
    what: `${name} was not told: it failed ${counted(failures, "time")}, and is tried again in ${long}`,
    fix: tryIt({ name }),
  };
}

function tryIt({ name }: Pick<Channel, "name">): Fix {
  return { text: "see what it takes", commands: [here("sudo", "fleet-health", "notify-test", name)] };
}
