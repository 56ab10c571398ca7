// Makes a heartbeat small enough for the receiver, which takes 1 MiB: a plugin that floods must not silence the others. Pure.

import type { Heartbeat } from "../../contract/heartbeat.ts";
import type { CheckResult } from "../../contract/observation.ts";
import { shrunkTo } from "../collect/budget.ts";

/** What the receiver takes, less the head of a request. Bytes. */
export const HEARTBEAT_BYTES = 1024 * 1024 - 4096;

/** Room for our own result: its texts are short and of a known form. */
const OWN_BYTES = 1024;

/**
 * The text of a heartbeat of at most `maxBytes`. Where it is too large, the plugins that say most have to say less, and
 * those that say little stay whole. What a result has lost is said in its notes (`truncated_bytes`); that results are
 * missing, or the list of plugins, is said by a result of our own.
 */
export function fitted(heartbeat: Heartbeat, maxBytes = HEARTBEAT_BYTES): string {
  const text = JSON.stringify(heartbeat);
  if (bytesOf(text) <= maxBytes) return text;
  const { results } = heartbeat;
  const room = (plugins: Heartbeat["plugins"]): number =>
    maxBytes - bytesOf(JSON.stringify({ ...heartbeat, plugins, results: [] }));
  const all = shared(results, room(heartbeat.plugins));
  if (all.length === results.length) return JSON.stringify({ ...heartbeat, results: all });
  const some = shared(results, room(heartbeat.plugins) - OWN_BYTES);
  const plugins = some.length > 0 ? heartbeat.plugins : [];
  const kept = some.length > 0 ? some : shared(results, room(plugins) - OWN_BYTES);
  return JSON.stringify({ ...heartbeat, plugins, results: [...kept, ownResult(heartbeat, kept)] });
}

/** Results that take at most `bytes` together, in their order: each plugin gets what it needs, or as much as the largest may. */
function shared(results: readonly CheckResult[], bytes: number): CheckResult[] {
  const groups = [...Map.groupBy(results, ({ plugin }) => plugin)].map(([plugin, own]) => ({
    plugin,
    own,
    // In a list without its brackets, each with a comma.
    bytes: own.reduce((sum, result) => sum + bytesOf(JSON.stringify(result)) + 1, 0),
  }));
  const most = level(
    groups.map((group) => group.bytes),
    bytes,
  );
  const kept = new Map(
    groups.map(({ plugin, own, bytes: wanted }) => {
      // Brackets that are not there, and a comma too many.
      return [plugin, (wanted <= most ? own : shrunkTo(own, most + 1)).values()];
    }),
  );
  return results.flatMap(({ plugin }) => kept.get(plugin)?.next().value ?? []);
}

/** How much each may have at most, so that all together have no more than `total`: who wants less leaves it to the others. */
function level(wanted: readonly number[], total: number): number {
  let left = total;
  const sorted = [...wanted].sort((a, b) => a - b);
  for (const [index, bytes] of sorted.entries()) {
    const share = Math.floor(left / (sorted.length - index));
    if (bytes > share) return share;
    left -= bytes;
  }
  return Number.POSITIVE_INFINITY;
}

/** Says what is missing, as a result: nobody looks for what is not there. */
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

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}
