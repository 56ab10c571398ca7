// Rows of heartbeats/<UTC day>.jsonl: a sample now and then, and in between what changed. Every heartbeat leaves a row, so
// that a gap is one; what changes all the time (perfdata, messages of what stays as it is) comes with the samples. Pure.

import type { CheckResult } from "../core/heartbeat.ts";
import type { Heartbeat } from "./heartbeat.ts";

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
  /** Results that are new, or of which more changed than figures and words, whole. */
  changed?: CheckResult[];
  /** Names of results that are no longer told. */
  gone?: string[];
  /** Other fields of the heartbeat that changed, by their names there; null: it is no longer told. */
  fields?: Record<string, unknown>;
}

export type HeartbeatRow = SampleRow | ChangeRow;

/** Perfdata and messages are kept at least so often, seconds. */
export const SAMPLE_EVERY_S = 600;

/** What differs in every heartbeat: the row tells it, or a sample does. */
const ALWAYS = new Set(["host_id", "sent_at", "sequence", "uptime_s", "results"]);

/** A sample of a heartbeat. */
export function sampleRow(heartbeat: Heartbeat, received_at_wall: string, old: boolean): SampleRow {
  return { ...heartbeat, kind: "sample", received_at_wall, ...(old && { old }) };
}

/** A heartbeat as what changed since `before`, which has a row in the same file. */
export function changeRow(before: Heartbeat, heartbeat: Heartbeat, received_at_wall: string, old: boolean): ChangeRow {
  const { host_id, sent_at, sequence } = heartbeat;
  const known = new Map(before.results.map((result) => [result.name, traits(result)]));
  const changed = heartbeat.results.filter((result) => known.get(result.name) !== traits(result));
  for (const { name } of heartbeat.results) known.delete(name);
  const gone = [...known.keys()];
  const fields = changedFields(before, heartbeat);
  return {
    kind: "change",
    host_id,
    received_at_wall,
    sent_at,
    sequence,
    ...(old && { old }),
    ...(changed.length > 0 && { changed }),
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
  const { sent_at, sequence, changed = [], gone = [], fields = {} } = row;
  const now = new Map(changed.map((result) => [result.name, result]));
  const kept = before.results.filter(({ name }) => !now.has(name) && !gone.includes(name));
  return { ...before, ...fields, sent_at, sequence, results: [...kept, ...changed] };
}

/** What makes a result another one: its status, and what is odd about it; not its figures and words. */
function traits({ plugin, status, notes }: CheckResult): string {
  return JSON.stringify([plugin, status, Object.keys(notes ?? {}).sort()]);
}

function changedFields(before: Heartbeat, heartbeat: Heartbeat): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const [was, is] = [before, heartbeat] as unknown as Record<string, unknown>[];
  for (const name of new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])) {
    if (ALWAYS.has(name) || withoutFigures(was?.[name]) === withoutFigures(is?.[name])) continue;
    fields[name] = is?.[name] ?? null;
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
