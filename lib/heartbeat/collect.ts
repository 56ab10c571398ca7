// One collection: all plugins side by side, each under its own deadline. What a plugin does wrong is a result of its own and
// neither delays nor silences the others.

import { errorText } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import type { CheckNotes, CheckResult } from "../core/heartbeat.ts";
import type { Log } from "../runtime/log.ts";
import { absentResults } from "./absent.ts";
import { tidy } from "./observations.ts";
import type { Absent, Observation, Plugin } from "./plugin.ts";
import { stackField } from "./plugin-fault.ts";

/** What is remembered from one collection to the next. */
export class CollectState {
  /** Plugins that have not come back yet, and how many collections in a row have met them so. */
  readonly underWay = new Map<Plugin, number>();
  /** What each said last when it failed, so that the log says it once. */
  readonly failures = new Map<string, string>();
}

export interface CollectOptions {
  /** How long a plugin may take that does not say it itself. */
  deadlineMs: number;
  intervalS: number;
  /** Aborts when the agent stops: what is still under way then gives no result. */
  signal: AbortSignal;
  /** The wall clock. */
  nowMs: () => number;
  log: Log;
  /** Counts collections over restarts: the `run` of every result that does not count by itself. */
  run: number;
  state: CollectState;
  /** Plugins that should take part and do not: each is a result, too. */
  absent: readonly Absent[];
}

/** How a plugin's collection ended. */
type Ending =
  | { kind: "returned"; value: unknown }
  | { kind: "threw"; error: unknown }
  | { kind: "late" }
  | { kind: "busy"; overlaps: number }
  | { kind: "stopped" };

/**
 * Results in the order of the plugins, then those that are absent; never throws, and never takes longer than the longest
 * deadline.
 */
export async function collectAll(plugins: readonly Plugin[], options: CollectOptions): Promise<CheckResult[]> {
  const collected = await Promise.all(plugins.map((plugin) => collectOne(plugin, options)));
  const { absent, nowMs, run } = options;
  const missing = absentResults(absent, { nowMs: nowMs(), ttlS: ttlS(options.deadlineMs, options), run });
  return withUniqueNames([...collected.flat(), ...missing]);
}

async function collectOne(plugin: Plugin, options: CollectOptions): Promise<CheckResult[]> {
  const { nowMs } = options;
  const deadlineMs = plugin.timeoutS === undefined ? options.deadlineMs : plugin.timeoutS * 1000;
  const startedMs = nowMs();
  const started = performance.now();
  const ending = await end(plugin, deadlineMs, options);
  const durationMs = Math.round(performance.now() - started);
  return observationsOf(plugin, ending, deadlineMs, options).map((seen) => ({
    plugin: plugin.name,
    name: seen.name ?? plugin.name,
    status: seen.status,
    message: seen.message,
    ...(seen.long_text === undefined ? {} : { long_text: seen.long_text }),
    perfdata: seen.perfdata ?? [],
    ...(seen.perf_errors === undefined ? {} : { perf_errors: seen.perf_errors }),
    started_at: seen.started_at ?? new Date(startedMs).toISOString(),
    duration_ms: seen.duration_ms ?? durationMs,
    ttl_s: seen.ttl_s ?? ttlS(deadlineMs, options),
    run: seen.run ?? options.run,
    ...(seen.notes === undefined ? {} : { notes: seen.notes }),
  }));
}

/** Two collections may be missed until a result is out of date. */
function ttlS(deadlineMs: number, { intervalS }: CollectOptions): number {
  return Math.ceil(2 * intervalS + deadlineMs / 1000);
}

/** Runs one plugin to its end, its deadline or the agent's stop, whichever comes first. */
async function end(plugin: Plugin, deadlineMs: number, { signal, state }: CollectOptions): Promise<Ending> {
  const { underWay } = state;
  const before = underWay.get(plugin);
  if (before !== undefined) {
    underWay.set(plugin, before + 1);
    return { kind: "busy", overlaps: before + 1 };
  }
  if (signal.aborted) return { kind: "stopped" };
  const mine = new AbortController();
  const first = Promise.withResolvers<Ending>();
  const stop = (): void => {
    first.resolve({ kind: "stopped" });
    mine.abort();
  };
  const timer = setTimeout(() => {
    first.resolve({ kind: "late" });
    mine.abort();
  }, deadlineMs);
  signal.addEventListener("abort", stop);
  underWay.set(plugin, 0);
  // In a function of its own, so that a throw at once is a rejection like any other.
  const work = async (): Promise<unknown> => plugin.collect(mine.signal);
  work()
    .then(
      (value) => first.resolve({ kind: "returned", value }),
      (error: unknown) => first.resolve({ kind: "threw", error }),
    )
    .finally(() => underWay.delete(plugin));
  const ending = await first.promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", stop);
  return ending;
}

function observationsOf(plugin: Plugin, ending: Ending, deadlineMs: number, options: CollectOptions): Observation[] {
  if (ending.kind === "stopped") return [];
  if (ending.kind === "returned") {
    const { observations, problem } = tidyAnswer(ending.value, plugin.emptyHint);
    remember(plugin, problem, options);
    return problem === null ? observations : [...observations, fault(plugin, problem)];
  }
  const [problem, notes] = describe(ending, deadlineMs);
  remember(plugin, problem, options, ending.kind === "threw" ? { error: ending.error } : { hangs: true });
  return [fault(plugin, problem, notes)];
}

/** Getters and proxies may throw even while an answer is read. */
function tidyAnswer(value: unknown, emptyHint?: string): ReturnType<typeof tidy> {
  try {
    const found = tidy(value);
    const isEmpty = Array.isArray(value) && value.length === 0 && emptyHint !== undefined;
    return isEmpty ? { ...found, problem: `${found.problem}: ${emptyHint}` } : found;
  } catch (error) {
    return { observations: [], problem: `what it returned cannot be read: ${errorText(error)}` };
  }
}

function describe(
  ending: Exclude<Ending, { kind: "returned" | "stopped" }>,
  deadlineMs: number,
): [string, CheckNotes | undefined] {
  if (ending.kind === "threw") return [errorText(ending.error), undefined];
  if (ending.kind === "late") return [`it did not answer within ${deadlineMs / 1000} s`, { timed_out: true }];
  return [
    `it has not come back from an earlier collection, ${ending.overlaps === 1 ? "one" : ending.overlaps} ago, and is not started again`,
    { overlaps: ending.overlaps },
  ];
}

function fault({ name }: Plugin, problem: string, notes?: CheckNotes): Observation {
  const [observation] = tidy([{ status: "unknown", message: `plugin ${name} failed: ${problem}`, notes }]).observations;
  return observation ?? { status: "unknown", message: `plugin ${name} failed` };
}

interface Failure {
  /** What was thrown. */
  error?: unknown;
  /** It has not come back, for the first time or still. */
  hangs?: boolean;
}

/** Said in the log when it changes, not every minute. */
function remember({ name }: Plugin, problem: string | null, options: CollectOptions, more: Failure = {}): void {
  const { log, state } = options;
  const { error, hangs = false } = more;
  const before = state.failures.get(name);
  if (problem === null) {
    if (before !== undefined) log.info(`Plugin ${name} works again`);
    state.failures.delete(name);
    return;
  }
  // "Did not answer" and "has not come back" take turns where a deadline is as long as the interval. Counts change anyway.
  const kind = hangs ? "hangs" : problem.replace(/\d+/g, "#");
  if (before !== kind) log.warn(`Plugin ${name} failed: ${quoted(problem)}`, stackField(error));
  state.failures.set(name, kind);
}

/** A name that is taken gets its plugin's before it, and if need be a number behind it. */
function withUniqueNames(results: readonly CheckResult[]): CheckResult[] {
  const taken = new Set<string>();
  return results.map((result) => {
    let name = result.name;
    if (taken.has(name)) name = `${result.plugin}/${result.name}`;
    for (let copy = 2; taken.has(name); copy++) name = `${result.plugin}/${result.name}#${copy}`;
    taken.add(name);
    return name === result.name ? result : { ...result, name };
  });
}
