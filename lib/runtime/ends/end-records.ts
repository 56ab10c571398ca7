// What is on the disk about ends: a run's own record, what systemd told of a stop, and an explained end. Pure. A text is
// read as whatever it may be: a crash or a power cut may have written it.

import { readFix } from "../../contract/said.ts";
import { EXIT } from "../../core/exit.ts";
import type { Finding } from "../../core/finding.ts";
import { printable } from "../../core/text/printable.ts";
import { cutBytes } from "../../core/text/utf8.ts";

/** `running.json`: the present run, in its own words. */
export interface RunRecord {
  run_id: string;
  tool: string;
  version: string;
  pid: number;
  /** Clock ticks since boot: with the pid it names one process. Null: not known. */
  start_ticks: number | null;
  boot_id: string | null;
  invocation_id: string | null;
  /** ISO 8601. */
  started_at: string;
  ready_at: string | null;
  /** `starting`, `running`, `stopping`, then the phases of the drain. */
  phase: string;
  /** When the phase began, seconds since the stop did; null before a stop. */
  phase_at_s: number | null;
  /** Why it stops, such as `SIGTERM`, and who sent that. */
  cause: string | null;
  sent_by: string | null;
  /** Kills for memory that its cgroup had counted when it started. */
  oom_kills: number | null;
  /** The newest line of stops.jsonl when it started: what follows is younger, whatever the clocks say. */
  last_stop: string | null;
  ended: RunEnd | null;
}

export interface RunEnd {
  at: string;
  exit_code: number;
  /** How long the stop took, and how long the whole run, seconds. */
  total_s: number;
  ran_s: number;
  cause: string | null;
}

/** A line of `stops.jsonl`: what systemd told ExecStopPost= (systemd.exec(5)), and what the cgroup showed. */
export interface StopRecord {
  /** The invocation that ended. */
  run_id: string;
  at: string;
  boot_id: string | null;
  /** Seconds since boot. */
  uptime_s: number | null;
  /** Its unit, without `.service`. */
  unit: string;
  scope: "system" | "user";
  service_result: string;
  /** exited, killed or dumped; null when there was no main process. */
  exit_code: string | null;
  /** A number, or the name of a signal without SIG. */
  exit_status: string | null;
  /** Kills for memory that the cgroup has counted, and its own limit in bytes. Null: not known; no limit. */
  oom_kills: number | null;
  memory_max: number | null;
}

export const END_KINDS = [
  "clean-stop",
  "exit-code",
  "crash",
  "killed",
  "oom-kill",
  "watchdog",
  "stop-timeout",
  "start-timeout",
  "power-loss",
  "reboot",
  "unknown",
] as const;
export type EndKind = (typeof END_KINDS)[number];

/** An explained end: a line of `history.jsonl`, and `last_end` in a status. */
export interface EndReport {
  run_id: string;
  kind: EndKind;
  /** For whoever reads the log. */
  sentence: string;
  /** What mends it, or shows more; null: nothing is known to. */
  fix: string | null;
  /** When it ended, ISO 8601; null when nobody was there to see it. */
  at: string | null;
  started_at: string | null;
  ran_s: number | null;
  phase: string | null;
  signal: string | null;
  exit_code: number | null;
  /** Starts since then that failed before they could open the ledger; those that were called off do not count. */
  failed_starts: number;
  /** Exit code of the newest of them; null: there was none, or a signal ended it. */
  failed_exit_code: number | null;
}

/** An end as it is told: its remedy behind all that is said of it. */
export function toldEnd({ sentence, fix }: EndReport): Finding {
  return { what: sentence, fix: readFix(fix) };
}

/** Whether the newest start was refused for its configuration or for what that names: another one would be, too. */
export function isStartRefused(last: EndReport | null): boolean {
  if (last === null) return false;
  return (last.failed_starts > 0 ? last.failed_exit_code : last.exit_code) === EXIT.usage;
}

/** `running.json` always has this size, in bytes: written over in place, it takes no room and is never half of two sizes. */
const RUN_RECORD_BYTES = 4096;

const TEXT_BYTES = 200;
const SENTENCE_BYTES = 4000;

/** A text from outside that stays short, on one line. */
export function shortText(text: string, maxBytes = TEXT_BYTES): string {
  return cutBytes(printable(text), maxBytes);
}

/** The bytes of `running.json`. */
export function runRecordBytes(run: RunRecord): Uint8Array {
  const block = Buffer.alloc(RUN_RECORD_BYTES, " ");
  block.write(JSON.stringify(run));
  block.write("\n", RUN_RECORD_BYTES - 1);
  return block;
}

/** An invocation or a run, as it may stand in a file name; null for anything else. */
export function asRunId(value: unknown): string | null {
  return typeof value === "string" && /^[A-Za-z0-9-]{1,64}$/.test(value) ? value : null;
}

/** Reads `running.json`; null when it does not say which run started when. */
export function parseRunRecord(text: string): RunRecord | null {
  const row = parseObject(text);
  const [runId, startedAt, phase] = [asRunId(row?.run_id), asText(row?.started_at), asText(row?.phase)];
  if (row === null || runId === null || startedAt === null || phase === null) return null;
  return {
    run_id: runId,
    tool: asText(row.tool) ?? "",
    version: asText(row.version) ?? "",
    pid: asNumber(row.pid) ?? 0,
    start_ticks: asNumber(row.start_ticks),
    boot_id: asText(row.boot_id),
    invocation_id: asRunId(row.invocation_id),
    started_at: startedAt,
    ready_at: asText(row.ready_at),
    phase,
    phase_at_s: asNumber(row.phase_at_s),
    cause: asText(row.cause),
    sent_by: asText(row.sent_by),
    oom_kills: asNumber(row.oom_kills),
    last_stop: asRunId(row.last_stop),
    ended: asRunEnd(row.ended),
  };
}

function asRunEnd(value: unknown): RunEnd | null {
  const row = asObject(value);
  const [at, exitCode, totalS] = [asText(row?.at), asNumber(row?.exit_code), asNumber(row?.total_s)];
  if (row === null || at === null || exitCode === null || totalS === null) return null;
  return { at, exit_code: exitCode, total_s: totalS, ran_s: asNumber(row.ran_s) ?? totalS, cause: asText(row.cause) };
}

/** Reads a line of `stops.jsonl`; null when it is none. */
export function parseStopRecord(text: string): StopRecord | null {
  const row = parseObject(text);
  const [runId, at, result] = [asRunId(row?.run_id), asText(row?.at), asText(row?.service_result)];
  if (row === null || runId === null || at === null || result === null) return null;
  return {
    run_id: runId,
    at,
    boot_id: asText(row.boot_id),
    uptime_s: asNumber(row.uptime_s),
    unit: asText(row.unit) ?? "",
    scope: row.scope === "user" ? "user" : "system",
    service_result: result,
    exit_code: asText(row.exit_code),
    exit_status: asText(row.exit_status),
    oom_kills: asNumber(row.oom_kills),
    memory_max: asNumber(row.memory_max),
  };
}

/** Reads a line of `history.jsonl`; null when it is none. */
export function parseEndReport(text: string): EndReport | null {
  const row = parseObject(text);
  const [runId, sentence] = [asRunId(row?.run_id), asText(row?.sentence, SENTENCE_BYTES)];
  const kind = END_KINDS.find((name) => name === row?.kind);
  if (row === null || runId === null || sentence === null || kind === undefined) return null;
  return {
    run_id: runId,
    kind,
    sentence,
    fix: asText(row.fix, SENTENCE_BYTES),
    at: asText(row.at),
    started_at: asText(row.started_at),
    ran_s: asNumber(row.ran_s),
    phase: asText(row.phase),
    signal: asText(row.signal),
    exit_code: asNumber(row.exit_code),
    failed_starts: asNumber(row.failed_starts) ?? 0,
    failed_exit_code: asNumber(row.failed_exit_code),
  };
}

/** Reads every line of a file of rows, and counts those that are none. */
export function parseLines<T>(text: string, parse: (line: string) => T | null): { rows: T[]; damaged: number } {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const rows = lines.map(parse).filter((row) => row !== null);
  return { rows, damaged: lines.length - rows.length };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
}

function asText(value: unknown, maxBytes?: number): string | null {
  return typeof value === "string" ? shortText(value, maxBytes) : null;
}

function asNumber(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
