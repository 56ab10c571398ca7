// Do two machines send under one name, such as a card and its clone? Told by what one machine cannot do: come back in a boot
// that it has left, or send as another machine and then as itself again. One change is a new image or a new machine, and no
// finding; it takes two returns, or one and a conflict. Pure: times are arguments, in milliseconds.

import { formatMachine, type Machine, maySame, readMachine } from "../contract/machine.ts";
import { shortTime } from "../core/clock.ts";
import { type Finding, type Fix, findingText, type Mendable } from "../core/finding.ts";
import { remedyLast } from "../core/remedy-last.ts";
import { formatSeconds } from "../core/text/quantity.ts";
import { type ChecksOf, hasFields, isFlag, isNumber, isText, listOf, orNull, parseShaped } from "../core/text/shape.ts";

/** What holds for two machines under one name. */
const DUPLICATE = {
  /** So many pieces of evidence make a finding: a late packet or a restored snapshot leaves one. */
  evidence: 2,
  /** Evidence counts for so long after the newest of it, and a finding is shown for so long, hours. */
  countH: 7 * 24,
  showH: 24,
  /** Senders that are remembered of a host and kind. */
  senders: 4,
} as const;

const HOUR_MS = 3_600_000;

/** A request that showed whose token it has. Heartbeats count only where they were live: a spool brings back old boots. */
export interface Sighting {
  kind: "heartbeat" | "episode";
  /** Of a heartbeat. */
  bootId: string | null;
  machine: Machine | null;
  /** Address, without its port. */
  remote: string;
  /** An episode of this name is stored, with other content. */
  conflict: boolean;
}

interface Sender {
  kind: Sighting["kind"];
  bootId: string | null;
  machine: Machine | null;
  remote: string;
  lastMs: number;
}

/** What is remembered of a host. */
export interface Senders {
  /** Newest first. */
  seen: Sender[];
  returns: number;
  /** An episode of one machine met that of another under one id. */
  conflicted: boolean;
  /** When the newest evidence came; null: there is none. */
  evidenceMs: number | null;
}

const AHEAD_MS = 120_000;

export const NOBODY: Senders = { seen: [], returns: 0, conflicted: false, evidenceMs: null };

/** Machines are compared by their parts: one that is none would end whoever asks. */
const isMachine = (value: unknown): boolean => value === null || readMachine(value) !== null;
const isSenders = hasFields({
  seen: listOf(
    hasFields({
      kind: (value) => value === "heartbeat" || value === "episode",
      bootId: orNull(isText),
      machine: isMachine,
      remote: isText,
      lastMs: isNumber,
    } satisfies ChecksOf<Sender>),
  ),
  returns: isNumber,
  conflicted: isFlag,
  evidenceMs: orNull(isNumber),
} satisfies ChecksOf<Senders>);

/**
 * What was remembered of the hosts that were found to be two machines, from duplicate-hosts.json. What is none of it is left out: what
 * is forgotten shows itself again.
 * @param leftOut takes the names of those
 */
export function parseSenders(text: string, leftOut: string[] = []): Map<string, Senders> {
  const all = parseShaped(
    text,
    (value): value is Record<string, Senders> => typeof value === "object" && value !== null,
  );
  const known = new Map<string, Senders>();
  for (const [host, senders] of Object.entries(all ?? {}))
    if (isSenders(senders)) known.set(host, senders);
    else leftOut.push(host);
  return known;
}

/** What is remembered after a request. */
export function noteSender(before: Senders, sighting: Sighting, nowMs: number): Senders {
  const { kind, bootId, machine, remote, conflict } = sighting;
  // Of an episode without a machine nothing can be told.
  if (kind === "episode" && machine === null) return before;
  const known = isOver(before.evidenceMs, DUPLICATE.countH, nowMs) ? { ...NOBODY, seen: before.seen } : before;
  const same = known.seen.find((sender) => isSame(sender, sighting));
  const newest = known.seen.find((sender) => sender.kind === kind);
  const isReturn = same !== undefined && newest !== same;
  const isMet = conflict && known.seen.some((sender) => isOther(sender, sighting));
  const sender: Sender = { kind, bootId, machine, remote, lastMs: nowMs };
  const others = known.seen.filter((each) => each !== same);
  const ofKind = others.filter((each) => each.kind === kind).slice(0, DUPLICATE.senders - 1);
  const seen = [sender, ...others.filter((each) => each.kind !== kind || ofKind.includes(each))];
  return {
    seen,
    returns: known.returns + (isReturn ? 1 : 0),
    conflicted: known.conflicted || isMet,
    evidenceMs: isReturn || isMet ? nowMs : known.evidenceMs,
  };
}

/** Heartbeats are of one machine where they are of one boot; episodes tell no boot. */
function isSame(sender: Sender, { kind, bootId, machine }: Sighting): boolean {
  if (sender.kind !== kind) return false;
  const machines = sender.machine === null || machine === null || maySame(sender.machine, machine);
  return machines && (kind === "episode" || sender.bootId === bootId);
}

/** Surely another machine. */
function isOther(sender: Sender, { machine }: Pick<Sighting, "machine">): boolean {
  return sender.machine !== null && machine !== null && !maySame(sender.machine, machine);
}

/**
 * What is left of it once a machine sends under another name: that one was mended. The same object where nothing changes. One that
 * was heard under both names of late has two names, as containers on one machine do, and nothing was mended.
 */
export function withoutMoved(senders: Senders, moved: Machine | null, nowMs: number): Senders {
  if (moved === null) return senders;
  const isMoved = ({ machine }: Sender): boolean => machine !== null && isSurely(machine, moved);
  const theirs = senders.seen.filter(isMoved);
  if (theirs.length === 0 || theirs.some(({ lastMs }) => nowMs - lastMs < MOVED_MS)) return senders;
  const seen = senders.seen.filter((sender) => !isMoved(sender));
  const isOne = seen.every((a) => seen.every(({ machine }) => !isOther(a, { machine })));
  return isOne ? { ...NOBODY, seen } : { ...senders, seen };
}

/** So long a machine is quiet under its old name before its new one says that it was mended. */
const MOVED_MS = 300_000;

/** One and the same machine, and not merely the same card. */
function isSurely(a: Machine, b: Machine): boolean {
  if (a.hardware.length > 0 && b.hardware.length > 0) return a.hardware.some((part) => b.hardware.includes(part));
  return a.hardware.length === b.hardware.length && a.id !== null && a.id === b.id;
}

/** Two machines under one name, as `GET /v1/hosts` gives them. */
export interface DuplicateHost extends Mendable {
  reason: "duplicate-host";
  machines: { remote: string; age_s: number; machine: string | null; boot_id: string | null }[];
}

/** The finding about a host, or null. */
export function duplicateOf(
  host: string,
  { seen, returns, conflicted, evidenceMs }: Senders,
  nowMs: number,
): DuplicateHost | null {
  if (returns + (conflicted ? 1 : 0) < DUPLICATE.evidence || isOver(evidenceMs, DUPLICATE.showH, nowMs)) return null;
  const [first, second] = twoOf(seen);
  if (first === undefined || second === undefined) return null;
  const age = ({ lastMs }: Sender): number => Math.max(0, Math.round((nowMs - lastMs) / 1000));
  const shown = [first, second].map((each) => `${each.remote} (${formatSeconds(age(each))} ago)`);
  const isClone = first.machine !== null && first.machine.id !== null && first.machine.id === second.machine?.id;
  return {
    reason: "duplicate-host",
    what: `two machines send under this name: ${shown.join(" and ")}`,
    fix: {
      text: `${age(second) > MAYBE_MENDED_S ? sinceText(evidenceMs ?? nowMs) : ""}give one of them a host_id and a token of its own; paste that when it waits for it, and end it with Ctrl-D`,
      commands: remedy(host, isClone),
    },
    machines: [first, second].map((each) => ({
      remote: each.remote,
      age_s: age(each),
      machine: each.machine === null ? null : formatMachine(each.machine),
      boot_id: each.bootId,
    })),
  };
}

/** A person who mended it sees when it ends. */
function sinceText(evidenceMs: number): string {
  const endsAt = shortTime(new Date(evidenceMs + DUPLICATE.showH * HOUR_MS).toISOString());
  return `unless that was done since (it clears by itself ${DUPLICATE.showH} h after the last sign, at ${endsAt} UTC): `;
}

/** So long after the other one was seen last somebody may have mended it, seconds: a heartbeat comes each minute. */
const MAYBE_MENDED_S = 600;

/** The two that were seen last, of one kind where there are two. */
function twoOf(seen: readonly Sender[]): Sender[] {
  for (const kind of ["heartbeat", "episode"] as const) {
    const ofKind = seen.filter((sender) => sender.kind === kind);
    if (ofKind.length > 1) return ofKind.slice(0, 2);
  }
  const [first] = seen;
  return [...seen.slice(0, 1), ...seen.filter((sender) => first !== undefined && isOther(sender, first))].slice(0, 2);
}

/** @param isClone the card was copied, its machine id too */
function remedy(host: string, isClone: boolean): Fix["commands"] {
  const name = `${host.slice(0, 120)}-2`;
  const on = "host" as const;
  const anew = [
    // Where D-Bus keeps a copy of its own, the old id would come back from there (systemd-machine-id-setup(1)).
    { argv: ["sudo", "rm", "-f", "/etc/machine-id", "/var/lib/dbus/machine-id"], on },
    { argv: ["sudo", "systemd-machine-id-setup"], on },
  ];
  return [
    { argv: ["sudo", "receiver", "token", "add", name], on: "collector" },
    ...(isClone ? anew : []),
    { argv: ["sudo", "sed", "-i", `s/^host_id *=.*/host_id = "${name}"/`, "/etc/labfleet/lab-host.toml"], on },
    // Where the token of a host lies that was installed as docs/operating.md says.
    { argv: ["sudo", "install", "-m", "0640", "-g", "labfleet", "/dev/stdin", "/etc/labfleet/token"], on },
    { argv: ["sudo", "systemctl", "restart", "labfleet-shipper", "labfleet-heartbeat"], on },
  ];
}

/** A row of `GET /v1/hosts`, or a host's whole view, as it goes out: what is wrong is one line. */
export type Row<T> = Omit<T, "problem"> & { problem: string | null; duplicate: DuplicateHost | null };

/** A host's row, or its whole view, with what was found about it first: all else may be of either machine, and is no less true. */
export function withDuplicate<T extends { problem: Finding | null }>(
  summary: T,
  duplicate: DuplicateHost | null,
): Row<T> {
  const found = [duplicate, summary.problem].filter((one) => one !== null);
  const problem = found.length === 0 ? null : findingText(remedyLast(found, "; and: "), "collector");
  return { ...summary, problem, duplicate };
}

/** What is of a time that has yet to come was before this clock was set back: it shows itself again. */
function isOver(sinceMs: number | null, hours: number, nowMs: number): boolean {
  return sinceMs === null || nowMs - sinceMs > hours * HOUR_MS || sinceMs - nowMs > AHEAD_MS;
}
