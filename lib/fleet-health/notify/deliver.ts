// Tells the channels what a run has to tell: what is sent stands in the state before, and what was taken is marked after. One channel
// that is broken keeps no other from being told.

import type { IncidentRow } from "../../contract/incident-row.ts";
import type { Finding } from "../../core/finding.ts";
import type { Channel } from "./channel.ts";
import { emptyMailbox, type Mailbox, type Notice, put, settle, take } from "./mailbox.ts";
import { type Outcome, send } from "./send.ts";

/** The mailboxes of the channels that there are, with what this run has to tell. Pure. */
export function post(
  mailboxes: readonly Mailbox[],
  channels: readonly Channel[],
  rows: readonly IncidentRow[],
  nowMs: number,
): Outgoing[] {
  return channels.map((channel) => {
    const before = mailboxes.find((one) => one.channel === channel.name) ?? emptyMailbox(channel.name);
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
  /** Something is due that was not delivered. */
  isUndelivered: boolean;
}

/** Sends what is to be sent, side by side. Never rejects for an error of the system. */
export async function deliver(
  outgoing: readonly Outgoing[],
  nowMs: number,
  sendTo: (channel: Channel, notice: Notice) => Promise<Outcome> = send,
): Promise<Delivered> {
  const done = await Promise.all(
    outgoing.map(async ({ channel, mailbox, notice, isDue }) => {
      if (notice === null) return { mailbox, failure: null, isUndelivered: isDue };
      const { sent, why } = await sendTo(channel, notice);
      const failure = why === null ? null : { what: `${channel.name} was not told: ${why.what}`, fix: why.fix };
      return { mailbox: settle(mailbox, sent, nowMs), failure, isUndelivered: sent !== "taken" };
    }),
  );
  return {
    mailboxes: done.map(({ mailbox }) => mailbox),
    failures: done.flatMap(({ failure }) => failure ?? []),
    isUndelivered: done.some(({ isUndelivered }) => isUndelivered),
  };
}
