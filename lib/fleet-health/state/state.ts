// state.json: what a run of the health check leaves for the next one, as text and back. Pure.

import { type IncidentRow, isIncidentRow } from "../../contract/incident-row.ts";
import {
  type Check,
  type ChecksOf,
  hasFields,
  isFlag,
  isNumber,
  isText,
  leftOutOr,
  listOf,
  orNull,
  parseShaped,
  tableOf,
} from "../../core/text/shape.ts";
import type { Mark, TickMark } from "../coverage/age.ts";
import type { SetBack } from "../coverage/set-back.ts";
import type { Incident, Phase } from "../incidents/incident.ts";
import type { Watch } from "../incidents/watch.ts";
import type { Checkpoint, LastSeen } from "../index/last-seen.ts";
import type { Backlog, Failing, Marks, Past, Quarantine } from "../judge/past.ts";
import { CHANNEL_TYPES } from "../notify/channel.ts";
import type { Failure, Mailbox, Notice } from "../notify/mailbox.ts";

export interface State {
  index: IndexState;
  /** What is remembered of each host. */
  past: ReadonlyMap<string, Past>;
  watch: Watch;
  /** When the clock was set back between two runs, the newest first. */
  setBacks: readonly SetBack[];
  /** The newest tick that was seen; null: none was. */
  tick: TickMark | null;
  /** What waits for each channel. */
  mailboxes: readonly Mailbox[];
  /** Hosts that were retired in this run. */
  retired: readonly string[];
  /** Of the last row of the history. */
  sequence: number;
  /** The rows of this run: whether they stand in the history the next run sees. */
  rows: readonly IncidentRow[];
}

/** How far the index was read, and what was found. */
export interface IndexState {
  checkpoint: Checkpoint;
  seen: LastSeen;
  /** Rows before then may not have been read, microseconds since 1970; null: all were. */
  sinceMicros: number | null;
}

/** A host's marks as they are written: its name, then text and microseconds of its newest row, and of its newest own one. */
type SeenRow = [host: string, text: string, micros: number, ownText: string | null, ownMicros: number | null];

interface Document {
  /** The form of this file. */
  labfleet: 2;
  index: { checkpoint: Checkpoint; seen: SeenRow[]; since_us: number | null };
  past: [host: string, past: Past][];
  incidents: readonly Incident[];
  fires: [key: string, ms: readonly number[]][];
  runs_ms: readonly number[];
  /** Left out: a release before did not write them down. */
  set_backs?: readonly SetBack[] | undefined;
  tick?: TickMark | null | undefined;
  mailboxes: readonly Mailbox[];
  retired: readonly string[];
  sequence: number;
  rows: readonly IncidentRow[];
}

/** An array of so many elements, each as its check says. */
const tupleOf =
  (...checks: Check[]): Check =>
  (value) =>
    Array.isArray(value) && value.length === checks.length && checks.every((check, i) => check(value[i]));

const PHASES: readonly Phase[] = ["pending", "firing", "recovering", "steady"];
const isIncident = hasFields({
  host: isText,
  symptom: isText,
  cause: isText,
  what: isText,
  fix: orNull(isText),
  phase: (value) => PHASES.some((phase) => phase === value),
  pendingRuns: isNumber,
  sinceMs: isNumber,
  firedMs: orNull(isNumber),
  isTold: isFlag,
  heldBy: orNull(isText),
  hasNoData: isFlag,
  flappingMs: orNull(isNumber),
  hosts: listOf(isText),
  beganMs: leftOutOr(isNumber),
  signMs: leftOutOr(isNumber),
  members: leftOutOr(tableOf(isNumber)),
  joined: leftOutOr(listOf(isText)),
  toldCauses: leftOutOr(listOf(isText)),
  causeMs: leftOutOr(isNumber),
  restoredMs: leftOutOr(isNumber),
} satisfies ChecksOf<Incident>);

const isRows = listOf(isIncidentRow);
const NOTICE: ChecksOf<Notice> = {
  id: isText,
  isRetried: isFlag,
  rows: isRows,
  dropped: leftOutOr(isNumber),
  collector: leftOutOr(isText),
};
const isMailbox = hasFields({
  channel: isText,
  type: leftOutOr((value) => CHANNEL_TYPES.some((type) => type === value)),
  isAway: leftOutOr((value) => value === true),
  waiting: isRows,
  notice: orNull(hasFields(NOTICE)),
  failures: isNumber,
  nextTryMs: isNumber,
  open: listOf(isText),
  dropped: leftOutOr(isNumber),
  lastFailure: leftOutOr(hasFields({ what: isText, fix: isText } satisfies ChecksOf<Failure>)),
} satisfies ChecksOf<Mailbox>);

const isMark = orNull(hasFields({ ms: isNumber, ageMs: isNumber } satisfies ChecksOf<Mark>));
const isPast = hasFields({
  takenMs: orNull(isNumber),
  failing: orNull(
    hasFields({ count: isNumber, firstMs: isNumber, lastMs: isNumber, reason: isText } satisfies ChecksOf<Failing>),
  ),
  backlog: hasFields({ hour: isNumber, lows: listOf(isNumber) } satisfies ChecksOf<Backlog>),
  quarantine: hasFields({
    count: orNull(isNumber),
    from: isNumber,
    grewMs: orNull(isNumber),
  } satisfies ChecksOf<Quarantine>),
  unheardMs: isNumber,
  heardSinceMs: leftOutOr(isNumber),
  marks: leftOutOr(hasFields({ own: isMark, taken: isMark, beat: isMark } satisfies ChecksOf<Marks>)),
} satisfies ChecksOf<Past>);

const hasShape = hasFields({
  labfleet: (value) => value === 2,
  index: hasFields({
    checkpoint: hasFields({
      device: isNumber,
      inode: isNumber,
      offset: isNumber,
      head: isText,
      before: isText,
    } satisfies ChecksOf<Checkpoint>),
    seen: listOf(tupleOf(isText, isText, isNumber, orNull(isText), orNull(isNumber))),
    since_us: orNull(isNumber),
  } satisfies ChecksOf<Document["index"]>),
  past: listOf(tupleOf(isText, isPast)),
  incidents: listOf(isIncident),
  fires: listOf(tupleOf(isText, listOf(isNumber))),
  runs_ms: listOf(isNumber),
  tick: leftOutOr(
    orNull(
      hasFields({ sequence: isNumber, boot: isText, uptimeS: isNumber, ageMs: isNumber } satisfies ChecksOf<TickMark>),
    ),
  ),
  set_backs: leftOutOr(
    listOf(hasFields({ fromMs: isNumber, toMs: isNumber, attempts: tableOf(isNumber) } satisfies ChecksOf<SetBack>)),
  ),
  mailboxes: listOf(isMailbox),
  retired: listOf(isText),
  sequence: isNumber,
  rows: isRows,
} satisfies ChecksOf<Document>);

export function formatState(state: State): string {
  const { index, past, watch, setBacks, tick, mailboxes, retired, sequence, rows } = state;
  const seen = [...index.seen].map(
    ([host, { any, own }]): SeenRow => [host, any.text, any.micros, own?.text ?? null, own?.micros ?? null],
  );
  const document: Document = {
    labfleet: 2,
    index: { checkpoint: index.checkpoint, seen, since_us: index.sinceMicros },
    past: [...past],
    incidents: watch.incidents,
    fires: [...watch.fires],
    runs_ms: watch.runsMs,
    ...{ set_backs: setBacks, tick },
    ...{ mailboxes, retired, sequence, rows },
  };
  return `${JSON.stringify(document)}\n`;
}

/** Null: it is none, or of another release. */
export function parseState(text: string): State | null {
  const document = parseShaped(text, (value): value is Document => hasShape(value));
  if (document === null) return null;
  const { index, past, incidents, fires, runs_ms, set_backs, tick, mailboxes, retired, sequence, rows } = document;
  const marks = index.seen.map(([host, any, micros, own, ownMicros]) => {
    const mark = { text: any, micros };
    const ownMark = own === null || ownMicros === null ? null : { text: own, micros: ownMicros };
    return [host, { any: mark, own: ownMark }] as const;
  });
  return {
    index: { checkpoint: index.checkpoint, seen: new Map(marks), sinceMicros: index.since_us },
    past: new Map(past),
    watch: { incidents, fires: new Map(fires), runsMs: runs_ms },
    ...{ setBacks: set_backs ?? [], tick: tick ?? null },
    ...{ mailboxes, retired, sequence, rows },
  };
}
