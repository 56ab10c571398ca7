// One collection: all plugins side by side, each at its own pace. One that takes long does not hold up the others: its last
// results are said again, with their own time, until it has new ones.

import type { CheckResult } from "../../contract/observation.ts";
import type { Absent, Plugin } from "../plugin.ts";
import { absentResults } from "./absent.ts";
import { PluginRuns, type RunOptions, ttlS } from "./plugin-runs.ts";

/** What is remembered from one collection to the next. */
export class CollectState {
  readonly #runs = new Map<Plugin, PluginRuns>();
  /** What was said last of plugins that are absent. */
  missing: readonly CheckResult[] = [];

  of(plugin: Plugin): PluginRuns {
    const runs = this.#runs.get(plugin) ?? new PluginRuns(plugin);
    this.#runs.set(plugin, runs);
    return runs;
  }
}

export interface CollectOptions extends RunOptions {
  /** A collection waits no longer than this for its plugins; left out: until each has answered or is late. */
  waitMs?: number;
  state: CollectState;
  /** Plugins that should take part and do not: each is a result, too. */
  absent: readonly Absent[];
  /** The one plugin that is run now; the others, and those that are absent, say again what they said. Null or left out: all. */
  only?: string | null;
}

/** One that was not done in time the last time is waited for only so long, milliseconds. */
const NOT_PROMPT_MS = 2000;

/** Results in the order of the plugins, then those that are absent. Never throws. */
export async function collectAll(plugins: readonly Plugin[], options: CollectOptions): Promise<CheckResult[]> {
  const { absent, nowMs, run, state, deadlineMs, intervalS, waitMs, only = null } = options;
  const all = plugins.map((plugin) => state.of(plugin));
  const asked = all.filter((_, n) => only === null || plugins[n]?.name === only);
  const begun = asked.map((runs) => ({ isPrompt: runs.isPrompt, over: runs.begin(options) }));
  const overs = (isPrompt: boolean) => begun.filter((one) => one.isPrompt === isPrompt).map(({ over }) => over);
  await Promise.all([
    within(Promise.all(overs(true)), waitMs),
    within(Promise.all(overs(false)), waitMs === undefined ? undefined : Math.min(NOT_PROMPT_MS, waitMs)),
  ]);
  for (const runs of asked) runs.isPrompt = runs.hasAnswered;
  const collected = all.flatMap((runs) => runs.report(options));
  if (only === null) state.missing = absentResults(absent, { nowMs: nowMs(), ttlS: ttlS(deadlineMs, intervalS), run });
  return withUniqueNames([...collected, ...state.missing]);
}

async function within(work: Promise<unknown>, ms: number | undefined): Promise<void> {
  if (ms === undefined) return void (await work);
  const enough = Promise.withResolvers<void>();
  const timer = setTimeout(enough.resolve, ms);
  await Promise.race([work, enough.promise]);
  clearTimeout(timer);
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
