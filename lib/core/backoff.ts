// When to try again: a schedule capped at its last entry, full jitter, and the server's Retry-After. Pure.

/** Longest wait that a server can ask for, in seconds. */
const RETRY_AFTER_MAX_S = 3600;

/** Default waits after the 1st, 2nd, … failure, in seconds: those of the Python shipper. */
export const DEFAULT_BACKOFF_S: readonly number[] = [1, 2, 4, 8, 16, 32, 60, 120, 300];

/**
 * Seconds to wait before the next try.
 * @param failures how many tries failed so far, at least 1
 * @param jitter uniform in [0, 1); drawn by the caller. It scales the wait *after* the cap (full jitter), so that a
 *   fleet that has reached the cap together does not return together.
 * @param retryAfterS what the server asked for, in seconds; the wait is at least that, at most one hour
 */
export function backoffSeconds(
  schedule: readonly number[],
  failures: number,
  jitter: number,
  retryAfterS: number | null,
): number {
  const capped = schedule[Math.min(failures, schedule.length) - 1] ?? 0;
  const own = capped * jitter;
  if (retryAfterS === null) return own;
  // Spread over a tenth more (at the cap: less), so that hosts told the same second do not all come in that second.
  const asked = Math.min(retryAfterS, RETRY_AFTER_MAX_S / 1.1);
  return Math.min(Math.max(own, asked + (asked / 10) * jitter), RETRY_AFTER_MAX_S);
}

/**
 * Seconds that an answer asks to wait. A date in it is compared with the answer's own `Date`: one clock wrote both, and how
 * wrong it is, or ours, does not matter.
 * @param headers by their names in lower case
 * @param nowMs our own clock, for an answer that gives no time
 */
export function retryAfterSeconds(headers: Readonly<Record<string, string | undefined>>, nowMs: number): number | null {
  return parseRetryAfter(headers["retry-after"], dateMs(headers) ?? nowMs);
}

/** When an answer was given, by its own clock, in milliseconds; null: it does not say. */
export function dateMs(headers: Readonly<Record<string, string | undefined>>): number | null {
  const at = Date.parse(headers.date ?? "");
  return Number.isNaN(at) ? null : at;
}

/**
 * Reads a Retry-After header (RFC 9110 §10.2.3): whole seconds or an HTTP date.
 * @returns seconds from `nowMs`, at least 0, or null when there is none or it cannot be read
 */
export function parseRetryAfter(value: string | null | undefined, nowMs: number): number | null {
  if (value === null || value === undefined) return null;
  const text = value.trim();
  if (/^\d{1,10}$/.test(text)) return Number(text);
  // Only the three date forms of RFC 9110 §5.6.7: Date.parse alone also takes "5 May" or "-3".
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(text)) return null;
  const at = Date.parse(/ [+-]\d|GMT$/.test(text) ? text : `${text} GMT`);
  return Number.isNaN(at) ? null : Math.max(0, (at - nowMs) / 1000);
}
