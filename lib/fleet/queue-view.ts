// What a host says of its shipper, in words: why its queue waits and since when, what mends it, and whom it trusts. Texts are
// the host's: whoever prints them makes them safe. Pure; durations are counted within the host's own clock, on from when
// its heartbeat was taken.

import { isQueueGroup, isQueuePause, type QueueGroup, type QueueReport, type SentQueue } from "../contract/queue.ts";
import { readHostFix, readHostSaid } from "../contract/said.ts";
import { type Finding, findingText, fixText, onHost } from "../core/finding.ts";
import { remedyLast } from "../core/remedy-last.ts";
import { formatBytes, formatSeconds } from "../core/text/quantity.ts";
import { isNumber } from "../core/text/shape.ts";

/** A pause; agents of older releases say it in words alone. Times by the host's clock. */
export interface ShownPause {
  kind: string | null;
  reason: string | null;
  detail: string;
  fix: string | null;
  since: string | null;
  next_try_at: string | null;
}

/** The queue of a host, whatever release its agent is of: null for what it does not say. */
export interface ShownQueue extends Omit<QueueReport, "paused"> {
  paused: ShownPause | null;
}

/** What a host's heartbeat holds; a file may be of a release that did not check all of it. */
export function queueOf(sent: SentQueue | null): ShownQueue | null {
  if (sent === null) return null;
  const { pending, outbox, quarantined, oldest_pending_s } = sent;
  return {
    pending,
    outbox,
    quarantined,
    quarantined_bytes: numberOf(sent.quarantined_bytes),
    expiring: numberOf(sent.expiring),
    announcement: numberOf(sent.announcement),
    unverified: numberOf(sent.unverified),
    oldest_pending_s,
    paused: pauseOf(sent),
    waiting: groupOf(sent.waiting),
    held: groupOf(sent.held),
  };
}

function numberOf(value: unknown): number | null {
  return isNumber(value) ? Number(value) : null;
}

function groupOf(group: SentQueue["waiting"]): QueueGroup | null {
  return isQueueGroup(group) ? (group ?? null) : null;
}

function pauseOf({ paused, paused_reason }: SentQueue): ShownPause | null {
  if (isQueuePause(paused)) return paused ?? null;
  if (typeof paused_reason !== "string" || paused !== undefined) return null;
  return { kind: null, reason: null, detail: paused_reason, fix: null, since: null, next_try_at: null };
}

/** In a list of all hosts no text is longer: a thousand hosts must not fill the memory. Characters. */
const BRIEF = 400;

/** The same with its texts cut short. */
export function briefQueue(sent: SentQueue | null): ShownQueue | null {
  const queue = queueOf(sent);
  if (queue === null) return null;
  const { paused, waiting, held } = queue;
  const group = (one: QueueGroup | null): QueueGroup | null =>
    one === null ? null : { count: one.count, reason: one.reason.slice(0, BRIEF), since: one.since };
  return { ...queue, paused: paused === null ? null : briefPause(paused), waiting: group(waiting), held: group(held) };
}

function briefPause({ kind, reason, detail, fix, since, next_try_at }: ShownPause): ShownPause {
  const cut = (text: string | null): string | null => text?.slice(0, BRIEF) ?? null;
  return { kind, reason: cut(reason), detail: detail.slice(0, BRIEF), fix: cut(fix), since, next_try_at };
}

/** When a heartbeat was taken, by the host's clock, and how old it is now, seconds. */
export interface Taken {
  sentMs: number;
  ageS: number;
}

/** What waits for longer than this does not go by itself, seconds: as the host's own check has it. */
const WAITS_TOO_LONG_S = 24 * 3600;

/** What is wrong with a queue, as one finding, the gravest first; null: nothing. */
export function queueProblem(queue: ShownQueue, taken: Taken): Finding | null {
  const { paused, waiting, held, expiring } = queue;
  const parts: Finding[] = [];
  if (paused !== null) parts.push({ what: `queue paused${pausedText(paused, taken)}`, fix: readHostFix(paused.fix) });
  if (waiting !== null && sinceS(waiting.since, taken) > WAITS_TOO_LONG_S)
    parts.push(group(waitingText(waiting), waiting, taken));
  if (held !== null) parts.push(group(`${held.count} held`, held, taken));
  if ((expiring ?? 0) > 0) parts.push(expiringOnes(expiring ?? 0));
  return parts.length === 0 ? null : remedyLast(parts, "; ");
}

/** The rows of one host's queue. */
export function queueRows(queue: ShownQueue | null, taken: Taken): [name: string, text: string][] {
  if (queue === null) return [["queue", "not known"]];
  const { paused, waiting, held, expiring, unverified } = queue;
  const rows: [string, string][] = [["queue", loadText(queue)]];
  if (paused !== null) rows.push(["paused", pausedText(paused, taken).replace(/^: | /, "")]);
  const mends = readHostFix(paused?.fix ?? null);
  if (mends !== null) rows.push(["fix", mends.text]);
  if (waiting !== null) rows.push(["waiting", findingText(group(waitingText(waiting), waiting, taken), "collector")]);
  if (held !== null) rows.push(["held", findingText(group(String(held.count), held, taken), "collector")]);
  if ((expiring ?? 0) > 0) rows.push(["expiring", findingText(expiringOnes(expiring ?? 0), "collector")]);
  if ((unverified ?? 0) > 0) rows.push(["unverified", unverifiedText(unverified ?? 0)]);
  return rows;
}

function loadText({
  pending,
  oldest_pending_s,
  quarantined,
  quarantined_bytes,
  waiting,
  held,
  paused,
}: ShownQueue): string {
  const isIdle = pending === 0 && waiting === null && held === null;
  const parts = [isIdle ? "nothing to ship" : `${pending} to ship`];
  if (oldest_pending_s !== null && pending > 0) parts.push(`oldest ${formatSeconds(oldest_pending_s)}`);
  const size = quarantined_bytes === null ? "" : ` (${formatBytes(quarantined_bytes)})`;
  if (quarantined > 0) parts.push(`${quarantined} quarantined${size}`);
  if (paused !== null) parts.push("PAUSED");
  return parts.join(", ");
}

/** ` for 2h (misconfigured), next try in 40s: …`; begins with a blank or a colon. */
function pausedText({ kind, detail, since, next_try_at }: ShownPause, taken: Taken): string {
  const long = since === null ? "" : ` for ${formatSeconds(sinceS(since, taken))}`;
  const nextS = next_try_at === null ? 0 : -agoS(next_try_at, taken);
  const next = nextS > 0 ? `, next try in ${formatSeconds(nextS)}` : "";
  return `${long}${kind === null ? "" : ` (${kind})`}${next}: ${detail}`;
}

function waitingText({ count }: QueueGroup): string {
  return count === 1 ? "1 waits alone" : `${count} wait`;
}

function group(who: string, { since, reason }: QueueGroup, taken: Taken): Finding {
  const { what, fix } = readHostSaid(reason);
  return { what: `${who} for ${formatSeconds(sinceS(since, taken))}: ${what}`, fix };
}

/** What makes a refused episode go, so that it is not removed: two ways, on either side. */
function expiringOnes(count: number): Finding {
  const who = count === 1 ? "1 refused episode is" : `${count} refused episodes are`;
  const fix = {
    text: "take their commit into accepted_commits_file here, or copy them from quarantine/; this names them",
    commands: [onHost("sudo", "shipper", "status")],
  };
  return { what: `${who} removed in a week or later`, fix };
}

function unverifiedText(count: number): string {
  const fix = fixText(
    { text: "give them up", commands: [onHost("sudo", "shipper", "discard", "--shipped-unverified")] },
    "collector",
  );
  return `${count} shipped to a receiver that proves nothing: never removed by themselves; to ${fix}`;
}

/** Seconds since a time of the host's, never less than none. */
function sinceS(at: string, taken: Taken): number {
  return Math.max(0, agoS(at, taken));
}

function agoS(at: string, { sentMs, ageS }: Taken): number {
  return Math.round((sentMs - Date.parse(at)) / 1000) + ageS;
}

/** The store that this collector is. */
export interface OwnStore {
  id: string;
  succeeds: readonly string[];
}

/** Whether a host trusts another store to judge its episodes: one that we follow is none, since its shipper will find out. */
export function trustsAnother(receiverId: string | null, own: OwnStore | null): boolean {
  return receiverId !== null && own !== null && receiverId !== own.id && !own.succeeds.includes(receiverId);
}

/** What is said of a host that does. */
export function trustOfAnother(receiverId: string, own: OwnStore): Finding {
  const commands = [onHost("sudo", "shipper", "pin", "--accept", own.id)];
  const fix = { text: "if its data disk is mounted here, and it shall trust this one", commands };
  return { what: `it trusts another collector (${receiverId})`, fix };
}
