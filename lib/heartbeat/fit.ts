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
  (result) => ({ ...result, message: result.message.slice(0, MESSAGE_CHARACTERS) }),
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
  while (results.length > 0) {
    results = results.slice(0, Math.floor(results.length / 2));
    text = JSON.stringify({ ...heartbeat, results });
    if (bytesOf(text) <= maxBytes) return text;
  }
  return JSON.stringify({ ...heartbeat, results: [], plugins: [] });
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
