// Rows of heartbeats/<UTC day>.jsonl: a whole heartbeat now and then, and in between what changed. Every heartbeat leaves a row, so
// that a gap is one; what changes all the time (perfdata, messages of what stays as it is) comes every ten minutes. Pure.

import type { Heartbeat } from "./heartbeat.ts";
import type { CheckResult } from "./observation.ts";

/** A whole heartbeat: the first of a host in a file, the first of a boot, and one every `SAMPLE_EVERY_S`. */
export type SampleRow = Heartbeat & { kind: "sample"; received_at_wall: string; old?: true };

/** A heartbeat as the difference from its host's row before, live ones and old ones each for themselves. */
export interface ChangeRow {
  kind: "change";
  host_id: string;
  received_at_wall: string;
  sent_at: string;
  sequence: number;
  old?: true;
  /** Results that are new, or of which something changed that never does, such as a threshold: whole. */
  changed?: CheckResult[];
  /** Results of another status or other notes, and every `FIGURES_EVERY_S` all: what moves in them. */
  updates?: ResultUpdate[];
  /** Names of results that are no longer told. */
  gone?: string[];
  /** Other fields of the heartbeat that changed, by their names there; null: it is no longer told. */
  fields?: Record<string, unknown>;
}

export type HeartbeatRow = SampleRow | ChangeRow;

/** What moves in a result. All else of it, and of its perfdata all but the values, is as it was told before. */
export type ResultUpdate = Pick<CheckResult, "name" | (typeof MOVING)[number]> & {
  /** Of its perfdata, in their order. */
  values: (number | null)[];
};

/** A row is whole so often, seconds: who reads the last hour need not read the day. */
export const SAMPLE_EVERY_S = 3600;
/** Perfdata, messages and figures are kept at least so often, seconds. */
export const FIGURES_EVERY_S = 600;

/** Of a result, beside the values of its perfdata. */
const MOVING = ["status", "message", "long_text", "perf_errors", "started_at", "duration_ms", "run", "notes"] as const;
const NOT_FIXED: ReadonlySet<string> = new Set([...MOVING, "perfdata"]);

/** What differs in every heartbeat: the row tells it. */
const ALWAYS = new Set(["host_id", "sent_at", "sequence", "results"]);

/** A sample of a heartbeat. */
export function sampleRow(heartbeat: Heartbeat, received_at_wall: string, old: boolean): SampleRow {
  return { ...heartbeat, kind: "sample", received_at_wall, ...(old && { old }) };
}

/**
 * A heartbeat as what changed since `before`, which has a row in the same file.
 * @param figures true: with all that moves, though it be figures and words alone
 */
export function changeRow(
  before: Heartbeat,
  heartbeat: Heartbeat,
  received_at_wall: string,
  { old, figures }: { old: boolean; figures: boolean },
): ChangeRow {
  const { host_id, sent_at, sequence } = heartbeat;
  const known = new Map(before.results.map((result) => [result.name, result]));
  const changed: CheckResult[] = [];
  const updates: ResultUpdate[] = [];
  for (const result of heartbeat.results) {
    const was = known.get(result.name);
    if (was === undefined || fixedOf(was) !== fixedOf(result)) changed.push(result);
    else if (figures || traits(was) !== traits(result)) updates.push(updateOf(result));
    known.delete(result.name);
  }
  const gone = [...known.keys()];
  const fields = changedFields(before, heartbeat, figures);
  return {
    kind: "change",
    host_id,
    received_at_wall,
    sent_at,
    sequence,
    ...(old && { old }),
    ...(changed.length > 0 && { changed }),
    ...(updates.length > 0 && { updates }),
    ...(gone.length > 0 && { gone }),
    ...(Object.keys(fields).length > 0 && { fields }),
  };
}

/** The heartbeat that a row stands for, as far as rows tell: `before` is what the row before stood for. Null: no sample yet. */
export function readRow(before: Heartbeat | null, row: HeartbeatRow): Heartbeat | null {
  if (row.kind !== "change") {
    const { kind: _, received_at_wall: __, old: ___, ...heartbeat } = row;
    return heartbeat;
  }
  if (before === null) return null;
  const { sent_at, sequence, changed = [], updates = [], gone = [], fields = {} } = row;
  const now = new Map(changed.map((result) => [result.name, result]));
  const moved = new Map(updates.map((update) => [update.name, update]));
  const kept = before.results
    .filter(({ name }) => !now.has(name) && !gone.includes(name))
    .map((result) => withUpdate(result, moved.get(result.name)));
  return { ...before, ...fields, sent_at, sequence, results: [...kept, ...changed] };
}

function updateOf(result: CheckResult): ResultUpdate {
  const moving = Object.fromEntries(
    Object.entries(result).filter(([key]) => (MOVING as readonly string[]).includes(key)),
  );
  return { name: result.name, ...(moving as Pick<CheckResult, (typeof MOVING)[number]>), values: valuesOf(result) };
}

function withUpdate(result: CheckResult, update: ResultUpdate | undefined): CheckResult {
  if (update === undefined) return result;
  const { values, ...moving } = update;
  const fixed = Object.fromEntries(Object.entries(result).filter(([key]) => !NOT_FIXED.has(key)));
  const perfdata = result.perfdata.map((item, i) => ({ ...item, value: values[i] ?? null }));
  return { ...(fixed as unknown as CheckResult), ...moving, perfdata };
}

function valuesOf({ perfdata }: CheckResult): (number | null)[] {
  return perfdata.map(({ value }) => value);
}

/** What never moves in a result while its check is the same; fields that this release does not know are of it. */
function fixedOf(result: CheckResult): string {
  const fixed = Object.fromEntries(Object.entries(result).filter(([key]) => !NOT_FIXED.has(key)));
  return JSON.stringify({ ...fixed, perfdata: result.perfdata.map(({ value: _, ...shape }) => shape) });
}

/** What makes a result news: its status, and what is odd about it; not its figures and words. */
function traits({ status, notes }: CheckResult): string {
  return `${status} ${Object.keys(notes ?? {})
    .sort()
    .join(" ")}`;
}

function changedFields(before: Heartbeat, heartbeat: Heartbeat, figures: boolean): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const [was, is] = [before, heartbeat] as unknown as Record<string, unknown>[];
  for (const name of new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])) {
    if (ALWAYS.has(name)) continue;
    const [old, now] = [was?.[name], is?.[name]];
    const isNews = name !== "uptime_s" && withoutFigures(old) !== withoutFigures(now);
    // What moved since it was told last is not known here: all that has figures goes.
    if (!isNews && !(figures && (name === "uptime_s" || hasFigures(now)))) continue;
    fields[name] = now ?? null;
  }
  return fields;
}

/** A value as text, in which numbers say only whether they are 0 and the next try only that there is one: they differ all the time. */
function withoutFigures(value: unknown): string {
  if (typeof value === "number") return String(value);
  return JSON.stringify(value ?? null, (key, inner) => {
    if (key === "next_try_at") return inner === null ? null : "set";
    return typeof inner === "number" ? inner !== 0 : inner;
  });
}

/** Whether there are numbers in a value that is told only where one becomes 0 or ceases to be. */
function hasFigures(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((inner) => typeof inner === "number" || hasFigures(inner));
}
