// Tells the channels what a run has to tell: what is sent stands in the state before, and what was taken is marked after. One channel
// that is broken keeps no other from being told.

import type { IncidentRow } from "../../../contract/incident-row.ts";
import { readFix } from "../../../contract/said.ts";
import { type Finding, type Fix, fixText, here } from "../../../core/finding.ts";
import { counted, formatSeconds } from "../../../core/text/quantity.ts";
import { type Left, type Standing, settleStanding, standingOf } from "../alerts.ts";
import { type Channel, wants } from "../channel.ts";
import {
  ANY_CHANNEL,
  emptyMailbox,
  type Failure,
  isOf,
  type Mailbox,
  type Notice,
  type Outcome,
  ofKey,
  put,
  putAway,
  settle,
  type Teller,
  take,
} from "../mailbox.ts";
import { rowsForNewcomer } from "../newcomer.ts";
import { postAlerts, type Took } from "./alertmanager.ts";
import { guarded, send } from "./send.ts";

/** The mailboxes of the channels that there are, with what this run has to tell. Pure. */
export function outgoingOf(
  { mailboxes, ...left }: Left & { mailboxes: readonly Mailbox[] },
  channels: readonly Channel[],
  nowMs: number,
  from: Teller,
): Outgoing[] {
  const { collector } = from;
  return channels.map((channel) => {
    const { name, type } = channel;
    const own = mailboxes.find((one) => isOf(one, channel));
    if (type === "alertmanager") {
      const { mailbox, standing } = standingOf(own ?? emptyMailbox(name), channel, left, { nowMs, collector });
      return { channel, notice: null, isDue: false, mailbox: { ...mailbox, type }, standing };
    }
    // Where the state was lost it was told what all were.
    const known =
      own ??
      heardOf(
        mailboxes.find((one) => one.channel === ANY_CHANNEL),
        channel,
      );
    const { isAway = false, ...before } = { ...(known ?? emptyMailbox(name)), channel: name, type };
    const rows = known === undefined || isAway ? rowsForNewcomer(left, nowMs, before.open) : left.rows;
    return { channel, standing: null, ...take(put(before, channel, rows), channel, nowMs, from) };
  });
}

/** Those of channels that are not there now, with the ends of what they were told. Pure. */
export function mailboxesAway(
  mailboxes: readonly Mailbox[],
  channels: readonly Channel[],
  rows: readonly IncidentRow[],
): Mailbox[] {
  const isHere = (one: Mailbox): boolean => channels.some((channel) => isOf(one, channel));
  const away = mailboxes.filter((one) => one.channel !== ANY_CHANNEL && !isHere(one));
  return away.flatMap((one) => putAway(one, rows) ?? []);
}

/** What a channel was told of all that somebody was told. */
function heardOf(all: Mailbox | undefined, channel: Channel): Mailbox | undefined {
  return all && { ...all, open: all.open.filter((key) => wants(channel, ofKey(key))) };
}

export interface Outgoing {
  channel: Channel;
  mailbox: Mailbox;
  /** To be sent now; null: nothing is. */
  notice: Notice | null;
  isDue: boolean;
  /** To be posted with each run; null: it is told of changes. */
  standing: Standing | null;
}

export interface Delivered {
  mailboxes: Mailbox[];
  /** Why channels were not told, by their names. */
  failures: Finding[];
  /** What is to be said of those that were. */
  remarks: Finding[];
}

/** Sends what is to be sent, the channels side by side. Never rejects. */
export async function deliver(
  outgoing: readonly Outgoing[],
  nowMs: number,
  sendTo: (channel: Channel, notice: Notice) => Promise<Outcome> = send,
): Promise<Delivered> {
  const done = await Promise.all(outgoing.map((one) => deliverOne(one, nowMs, sendTo)));
  return {
    mailboxes: done.map(({ mailbox }) => mailbox),
    failures: done.flatMap(({ failure }) => failure ?? []),
    remarks: done.flatMap(({ remark }) => remark ?? []),
  };
}

interface One {
  mailbox: Mailbox;
  failure: Finding | null;
  remark: Finding | null;
}

async function deliverOne(
  { channel, mailbox, notice, isDue, standing }: Outgoing,
  nowMs: number,
  sendTo: (channel: Channel, notice: Notice) => Promise<Outcome>,
): Promise<One> {
  if (standing !== null) return deliverStanding(channel, mailbox, standing);
  if (notice === null) return { mailbox, failure: isDue ? waits(channel, mailbox, nowMs) : null, remark: null };
  const { sent, why } = await guarded(
    () => sendTo(channel, notice),
    // It may have come after all had gone out.
    (why): Outcome => ({ sent: "unsure", why }),
  );
  const isTaken = sent === "taken";
  const said = why === null ? null : about(channel, isTaken ? "was told" : NOT_TOLD, why);
  const box = settle(mailbox, sent, nowMs, isTaken ? null : keptOf(channel, why));
  return { mailbox: box, failure: isTaken ? null : said, remark: isTaken ? said : null };
}

/** What was not taken the next run posts again: it waits for nothing. */
async function deliverStanding(channel: Channel, mailbox: Mailbox, standing: Standing): Promise<One> {
  const { done, why } = await guarded(
    () => postAlerts(channel, standing.alerts),
    (why): Took => ({ done: new Set(), why }),
  );
  const failure = why === null ? null : about(channel, "was not told all", why);
  return { mailbox: settleStanding(mailbox, standing, done, keptOf(channel, why)), failure, remark: null };
}

const NOT_TOLD = "was not told";

function waits(channel: Channel, { nextTryMs, failures, lastFailure }: Mailbox, nowMs: number): Finding {
  const long = formatSeconds(Math.round((nextTryMs - nowMs) / 1000));
  const last = lastFailure === undefined ? "" : `, the last as: ${lastFailure.what}`;
  const what = `it failed ${counted(failures, "time")}${last}; it is tried again in ${long}`;
  return about(channel, NOT_TOLD, { what, fix: readFix(lastFailure?.fix ?? null) });
}

function about({ name }: Channel, how: string, { what, fix }: Finding): Finding {
  return { what: `${name} ${how}: ${what}`, fix: fix ?? tryIt({ name }) };
}

function keptOf(channel: Channel, why: Finding | null): Failure | null {
  return why === null ? null : { what: why.what, fix: fixText(why.fix ?? tryIt(channel), "collector") };
}

function tryIt({ name }: Pick<Channel, "name">): Fix {
  return { text: "see what it takes", commands: [here("sudo", "fleet-health", "notify-test", name)] };
}
