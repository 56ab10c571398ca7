// A directory of plugins as tests write it, and what is said of it.

import { expect } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PluginState } from "../../../lib/contract/observation.ts";
import { CollectState, collectAll } from "../../../lib/heartbeat/collect/collect.ts";
import { Roster } from "../../../lib/heartbeat/collect/roster.ts";
import type { Plugin } from "../../../lib/heartbeat/plugin.ts";
import { findPlugins } from "../../../lib/heartbeat/plugins-dir/find.ts";
import type { Log } from "../../../lib/runtime/log/log.ts";
import { inText } from "../../support/in-text.ts";
import { quietLog } from "../../support/quiet-log.ts";
import { tempDir } from "../../support/temp-dir.ts";

export const GOOD =
  'export default { name: "good", initialise: () => true, collect: () => [{ status: "ok", message: "fine" }] };';

/** A directory with these files, mode 0644. */
export function directoryOf(files: Readonly<Record<string, string>>): string {
  const dir = tempDir();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, name, ".."), { recursive: true });
    writeFileSync(join(dir, name), text);
    chmodSync(join(dir, name), 0o644);
  }
  return dir;
}

/** Long enough for a busy machine; what hangs on purpose gets less. */
export const DEADLINE_MS = 20_000;

export interface More {
  deadlineMs?: number;
  isSet?: boolean;
  uid?: number;
  log?: Log;
  settings?: Record<string, unknown>;
}

/** Loads and initialises all of a directory; `load` is the name of a built-in plugin. */
export async function load(directory: string, more: More = {}): Promise<Roster> {
  const { deadlineMs = DEADLINE_MS, isSet = true, uid, log = quietLog, settings = {} } = more;
  const builtIn: Plugin = { name: "load", initialise: () => false, collect: () => [], skipReason: "not wanted" };
  const roster = new Roster({
    builtIn: [builtIn],
    ...findPlugins({ directory, isSet, log, deadlineMs, ...(uid === undefined ? {} : { uid }) }),
    deadlineMs,
    claimMs: null,
    log: { ...log, info: (text, fields) => inText(text).startsWith("Plugin load ") || log.info(text, fields) },
    now: () => new Date(0),
    contextFor: () => ({ log, intervalS: 60, settings, root: "/" }),
  });
  await roster.begin(null);
  return roster;
}

/** What is said of the files. */
export function statesOf(roster: Roster): PluginState[] {
  return roster.states().filter(({ name }) => name !== "load");
}

/** Why those failed that did, in the order of the files. */
export function failures(roster: Roster): (string | null)[] {
  return statesOf(roster).flatMap(({ state, reason }) => (state === "failed" ? [reason] : []));
}

export function collect(
  plugins: readonly Plugin[],
  deadlineMs = DEADLINE_MS,
  state = new CollectState(),
  log = quietLog,
) {
  const { signal } = new AbortController();
  return collectAll(plugins, { deadlineMs, intervalS: 60, signal, nowMs: () => 0, log, run: 1, state, absent: [] });
}

/** What each file says when it is all there is; names of directories cut off. */
export async function failureOf(text: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const dir = directoryOf({ "x.ts": text, ...more });
  const roster = await load(dir);
  const states = statesOf(roster);
  expect(roster.plugins()).toEqual([]);
  expect(states.map(({ name, state }) => [name, state])).toEqual([["x.ts", "failed"]]);
  return (states[0]?.reason ?? "").replaceAll(`${dir}/`, "");
}

/** Messages of one collection; then all are closed. */
export async function say(roster: Roster): Promise<string[]> {
  const results = await collect(roster.plugins());
  await roster.close(DEADLINE_MS);
  return results.map(({ name, status, message }) => `${name} ${status}: ${message}`);
}
