// Is this a heartbeat? The check of what comes over the wire (lib/contract/heartbeat.ts). Fields that are not named here are
// kept. Imported when the first heartbeat comes, and only so: arktype is heavy, and a receiver without any needs none.

import type { Heartbeat } from "../../contract/heartbeat.ts";
import { isReceiverId } from "../../contract/judgement.ts";
import type { CheckNotes, CheckResult } from "../../contract/observation.ts";
import { QUEUE_TEXT_MAX, type QueueGroup, type QueuePause, type SentQueue } from "../../contract/queue.ts";
import { type } from "../../schema/ark.ts";
import { parseJson, problems, shorten } from "../answering/json-body.ts";
import { type Refusal, refuse } from "../decide.ts";

/** Names that a check may ask for: those of the type, optional or not. Who renames a field there has to rename it here. */
type FieldsOf<T> = { [K in keyof T & string as K | `${K}?`]?: unknown };

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;

const time = type("string").narrow(
  (text, ctx) =>
    (ISO.test(text) && Number.isFinite(Date.parse(text))) || ctx.mustBe("a time such as 2026-05-01T06:37:53Z"),
);
// JSON has no infinity, but 1e999 is read as one, and written as null.
const finite = type("number").narrow((value, ctx) => Number.isFinite(value) || ctx.mustBe("finite"));
const amount = type(`0 <= number <= ${Number.MAX_SAFE_INTEGER}`);
const whole = type(`0 <= number.integer <= ${Number.MAX_SAFE_INTEGER}`);
const range = type({ inside: "boolean", low: finite.or("null"), high: finite.or("null") });
const perfItem = type({
  label: "string",
  value: finite.or("null"),
  uom: "string",
  warning: range.or("null"),
  critical: range.or("null"),
  min: finite.or("null"),
  max: finite.or("null"),
});
/** Put into words for people. Any number will do: a plugin of the lab may have written it, and it must not cost the rest. */
const notes = type({
  "exit_code?": finite,
  "signal?": finite,
  "timed_out?": "boolean",
  "truncated_bytes?": finite,
  "lossy?": "boolean",
  "survivors_killed?": finite,
  "survivors_left?": finite,
  "unkillable?": "boolean",
  "pending?": "boolean",
  "overlaps?": finite,
  "refresh_failed?": "string",
} as const satisfies FieldsOf<CheckNotes>);
const result = type({
  plugin: "string > 0",
  name: "0 < string <= 256",
  status: "'ok' | 'warning' | 'critical' | 'unknown'",
  message: "string",
  "long_text?": "string",
  perfdata: perfItem.array(),
  "perf_errors?": "string[]",
  started_at: time,
  duration_ms: amount,
  ttl_s: "0 <= number <= 31536000",
  run: whole,
  "notes?": notes,
} as const satisfies FieldsOf<CheckResult>);
const queueText = type(`string <= ${QUEUE_TEXT_MAX}`);
const group = type({ count: amount, reason: queueText, since: time } as const satisfies FieldsOf<QueueGroup>);
/** Any word for its kind: a later release may know more of them. */
const pause = type({
  kind: "0 < string <= 64",
  reason: queueText,
  detail: queueText,
  fix: queueText.or("null"),
  since: time,
  next_try_at: time.or("null"),
} as const satisfies FieldsOf<QueuePause>);
/** Agents of older releases know four of the fields, and say a pause in words alone. */
const queue = type({
  pending: amount,
  outbox: amount,
  quarantined: amount,
  oldest_pending_s: finite.or("null"),
  "quarantined_bytes?": amount.or("null"),
  "expiring?": amount.or("null"),
  "announcement?": amount.or("null"),
  "unverified?": amount.or("null"),
  "paused?": pause.or("null"),
  "waiting?": group.or("null"),
  "held?": group.or("null"),
  "paused_reason?": "string <= 16384 | null",
} as const satisfies FieldsOf<SentQueue>);
const receiverId = type("string").narrow((text, ctx) => isReceiverId(text) || ctx.mustBe("an id of 32 hex digits"));
const heartbeat = type({
  host_id: "string",
  sent_at: time,
  boot_id: "0 < string <= 128",
  sequence: whole,
  uptime_s: amount,
  interval_s: "0 < number <= 86400",
  versions: { "[string]": "string" },
  queue: queue.or("null"),
  "receiver_id?": receiverId.or("null"),
  "answered_by?": receiverId.or("null"),
  plugins: type({ name: "string", state: "'loaded' | 'skipped' | 'failed'", reason: "string | null" }).array(),
  results: result.array(),
} as const satisfies FieldsOf<Heartbeat>);

/** How deep a body may be nested: what is kept must be written again, and deep enough that takes all of the stack. */
const DEPTH = 64;

/** Checks a body. The value in the answer is the very object that was parsed, unknown fields and all. */
export function checkHeartbeat(bytes: Uint8Array, host: string): { kind: "heartbeat"; heartbeat: Heartbeat } | Refusal {
  const parsed = parseJson(bytes);
  if (parsed.kind === "refused") return parsed;
  if (isDeeper(parsed.value, DEPTH)) return refuse("malformed", `the body is nested more than ${DEPTH} deep`);
  const checked = heartbeat(parsed.value);
  if (checked instanceof type.errors) return refuse("malformed", problems([...checked]));
  if (checked.host_id !== host) {
    return refuse("malformed", `host_id must be ${host}, as in the path, found ${shorten(checked.host_id)}`);
  }
  const again = repeated(checked.results.map(({ name }) => name));
  if (again !== null) {
    return refuse("malformed", `results[${again.index}].name must be unique, found ${shorten(again.name)} again`);
  }
  return { kind: "heartbeat", heartbeat: checked as Heartbeat };
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function repeated(names: readonly string[]): { index: number; name: string } | null {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (seen.has(name)) return { index, name };
    seen.add(name);
  }
  return null;
}
