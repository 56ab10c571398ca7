// A built-in plugin on a fixture host, from its start to one collection and more.

import { saidBy } from "../../../lib/heartbeat/collect/observations.ts";
import type { Observation, Plugin, Seen } from "../../../lib/heartbeat/plugin.ts";
import { quietLog } from "../../support/quiet-log.ts";

export const context = (root: string) => ({ log: quietLog, intervalS: 60, settings: {}, root });

export async function observe(plugin: Plugin): Promise<Seen[]> {
  const seen = await plugin.collect(new AbortController().signal);
  if (!Array.isArray(seen)) throw new Error("a built-in plugin returns a list");
  return seen;
}

export async function startOn(root: string, plugin: Plugin): Promise<Plugin> {
  if ((await plugin.initialise(context(root))) !== true) throw new Error(`skipped: ${plugin.skipReason}`);
  return plugin;
}

/** `name status: message` of each, as it is sent. */
export function lines(observations: readonly Seen[]): string[] {
  return observations.map((seen) => `${seen.name ?? "-"} ${seen.status}: ${saidBy(seen)}`);
}

/** Figures by label. */
export function figures(observation: Observation | undefined): Record<string, number | null> {
  return Object.fromEntries((observation?.perfdata ?? []).map(({ label, value }) => [label, value]));
}
