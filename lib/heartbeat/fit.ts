// Makes a heartbeat small enough for the receiver, which takes 1 MiB: a check that floods must not silence the others. Pure.

import type { CheckResult, Heartbeat } from "../core/heartbeat.ts";

/** What the receiver takes, less the head of a request. Bytes. */
export const HEARTBEAT_BYTES = 1024 * 1024 - 4096;

const MESSAGE_CHARACTERS = 200;

/** What is given up first of the largest results, in this order; a status and a message stay. */
const STEPS: readonly ((result: CheckResult) => CheckResult)[] = [
  ({ long_text: _, ...rest }) => rest,
  ({ perf_errors: _, ...rest }) => rest,
  (result) => ({ ...result, perfdata: [] }),
  (result) => ({ ...result, message: result.message.slice(0, MESSAGE_CHARACTERS).toWellFormed() }),
];

/** The text of a heartbeat of at most `maxBytes`. What had to go is said in the result's notes (`truncated_bytes`). */
export function fitted(heartbeat: Heartbeat, maxBytes = HEARTBEAT_BYTES): string {
  let text = JSON.stringify(heartbeat);
  if (bytesOf(text) <= maxBytes) return text;
  let results = [...heartbeat.results];
  for (const step of STEPS) {
    results = results.map((result) => shrunk(result, step));
    text = JSON.stringify({ ...heartbeat, results });
    if (bytesOf(text) <= maxBytes) return text;
  }
  // Thousands of results, each as small as can be: the first ones that fit, since their order is that of the plugins.
  const room = (plugins: Heartbeat["plugins"]): number =>
    maxBytes - OWN_BYTES - bytesOf(JSON.stringify({ ...heartbeat, plugins, results: [] }));
  const some = firstThatFit(results, room(heartbeat.plugins));
  const plugins = some.length > 0 ? heartbeat.plugins : [];
  const kept = some.length > 0 ? some : firstThatFit(results, room(plugins));
  return JSON.stringify({ ...heartbeat, plugins, results: [...kept, ownResult(heartbeat, kept)] });
}

/** Room for our own result: its texts are short and of a known form. */
const OWN_BYTES = 1024;

function firstThatFit(results: readonly CheckResult[], bytes: number): CheckResult[] {
  let left = bytes;
  const end = results.findIndex((result) => {
    left -= bytesOf(JSON.stringify(result)) + 1;
    return left < 0;
  });
  return results.slice(0, end < 0 ? results.length : end);
}

/** Says that results are missing, as a result: nobody looks for what is not there. */
function ownResult({ sequence, sent_at, interval_s, results }: Heartbeat, kept: readonly CheckResult[]): CheckResult {
  const [all, here] = [results.length, kept.length];
  const what = here < all ? `${all - here} of ${all} results` : "the list of plugins";
  const taken = new Set(kept.map(({ name }) => name));
  let name = "heartbeat";
  for (let copy = 2; taken.has(name); copy++) name = `heartbeat#${copy}`;
  return {
    plugin: "heartbeat",
    name,
    status: "unknown",
    message: `${what} did not fit into a heartbeat of 1 MiB${here < all ? `: ${here} kept` : ""}`,
    perfdata: [],
    started_at: sent_at,
    duration_ms: 0,
    ttl_s: Math.ceil(3 * interval_s),
    run: sequence,
  };
}

/** Only what is large is worth losing. */
const LARGE_BYTES = 512;

function shrunk(result: CheckResult, step: (result: CheckResult) => CheckResult): CheckResult {
  const before = bytesOf(JSON.stringify(result));
  if (before <= LARGE_BYTES) return result;
  const smaller = step(result);
  const lost = before - bytesOf(JSON.stringify(smaller));
  if (lost <= 0) return result;
  return { ...smaller, notes: { ...smaller.notes, truncated_bytes: (smaller.notes?.truncated_bytes ?? 0) + lost } };
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
