// state.json: what a run of the health check leaves for the next one, as text and back. Pure.

import {
  type Check,
  type ChecksOf,
  hasFields,
  isNumber,
  isText,
  listOf,
  orNull,
  parseShaped,
} from "../../core/text/shape.ts";
import type { Checkpoint, LastSeen } from "../index/last-seen.ts";

export interface State {
  index: IndexState;
}

/** How far the index was read, and what was found. */
export interface IndexState {
  checkpoint: Checkpoint;
  seen: LastSeen;
  /** Rows before then may not have been read, microseconds since 1970; null: all were. */
  sinceMicros: number | null;
}

/** A host's marks as they are written: its name, then text and microseconds of its newest row, and of its newest own one. */
type Row = [host: string, text: string, micros: number, ownText: string | null, ownMicros: number | null];

interface Document {
  /** The form of this file. */
  labfleet: 1;
  index: { checkpoint: Checkpoint; seen: Row[]; since_us: number | null };
}

const CHECKS = [isText, isText, isNumber, orNull(isText), orNull(isNumber)];
const isRow: Check = (value) =>
  Array.isArray(value) && value.length === CHECKS.length && CHECKS.every((check, i) => check(value[i]));
const hasShape = hasFields({
  labfleet: (value) => value === 1,
  index: hasFields({
    checkpoint: hasFields({
      device: isNumber,
      inode: isNumber,
      offset: isNumber,
      head: isText,
      before: isText,
    } satisfies ChecksOf<Checkpoint>),
    seen: listOf(isRow),
    since_us: orNull(isNumber),
  } satisfies ChecksOf<Document["index"]>),
} satisfies ChecksOf<Document>);

export function formatState({ index: { checkpoint, seen, sinceMicros } }: State): string {
  const rows = [...seen].map(
    ([host, { any, own }]): Row => [host, any.text, any.micros, own?.text ?? null, own?.micros ?? null],
  );
  const document: Document = { labfleet: 1, index: { checkpoint, seen: rows, since_us: sinceMicros } };
  return `${JSON.stringify(document)}\n`;
}

/** Null: it is none, or of another release. */
export function parseState(text: string): State | null {
  const document = parseShaped(text, (value): value is Document => hasShape(value));
  if (document === null) return null;
  const { checkpoint, seen, since_us } = document.index;
  const marks = seen.map(([host, any, micros, own, ownMicros]) => {
    const mark = { text: any, micros };
    return [
      host,
      { any: mark, own: own === null || ownMicros === null ? null : { text: own, micros: ownMicros } },
    ] as const;
  });
  return { index: { checkpoint, seen: new Map(marks), sinceMicros: since_us } };
}
