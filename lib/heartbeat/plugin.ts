// What a plugin is. Built-in ones are in plugins/, in one ordered array; others are files in plugins_dir.

import type { CheckNotes, CheckStatus, PerfItem, PluginState } from "../contract/observation.ts";
import type { Finding, Fix } from "../core/finding.ts";
import type { Log } from "../runtime/log/log.ts";

/** One thing that a plugin has seen. What it leaves out is filled in by the agent. */
export interface Observation {
  /** Tells it from the plugin's others; the plugin's own name if left out. */
  name?: string;
  status: CheckStatus;
  message: string;
  long_text?: string;
  perfdata?: PerfItem[];
  perf_errors?: string[];
  /** For one that was not taken just now. */
  started_at?: string;
  duration_ms?: number;
  ttl_s?: number;
  /** Counts its runs; counted by the agent if left out. */
  run?: number;
  notes?: CheckNotes;
}

/** What a built-in plugin has seen: what mends it is data, and ends its message when that is sent (collect/observations.ts). */
export interface Seen extends Observation {
  fix?: Fix | null;
}

export interface PluginContext {
  log: Log;
  /** How often the agent collects, seconds. */
  intervalS: number;
  /** How long `close` is waited for, seconds; left out: as long as it likes. */
  closeS?: number;
  /** This plugin's table in lab-host.toml, `[plugins.<name>]`; {} without one. */
  settings: Readonly<Record<string, unknown>>;
  /** Where proc/ and sys/ lie: "/". */
  root: string;
}

export interface Plugin {
  readonly name: string;
  /** Why `initialise` said no, where that is no fault: "no commands configured". */
  skipReason?: string | null;
  /** What to do where `collect` returns no observation at all, which is a fault: a sentence for the operator. */
  emptyHint?: string;
  /** How long `collect` may take, seconds; the agent's own limit if left out. */
  timeoutS?: number;
  /** What it may say in one collection, bytes of JSON; 256 KiB if left out. */
  readonly budgetBytes?: number;
  /** False: it has nothing to do here, and is inactive. */
  initialise(context: PluginContext): boolean | Promise<boolean>;
  /**
   * At least one observation: a plugin that sees nothing says nothing, and that is shown as its failure.
   * @param signal aborts at the deadline and when the agent stops
   */
  collect(signal: AbortSignal): Observation[] | Tidied | Promise<Observation[] | Tidied>;
  close?(): void | Promise<void>;
}

/** An answer in its form. A thread's plugin gives one: what was wrong with the original is known there alone. */
export class Tidied {
  constructor(
    readonly observations: readonly unknown[],
    /** What was wrong with the answer, in words; null when nothing was. */
    readonly problem: string | null,
  ) {}
}

/** A file that may be a plugin. */
export interface PluginFile {
  name: string;
  path: string;
  /** Never throws. @param signal ends it */
  load: (signal: AbortSignal) => Promise<Plugin | Broken>;
}

/** Why a file is no plugin: a sentence for the operator, and what mends it where that is not said in it. */
export interface Broken {
  why: string;
  fix?: Fix | null;
}

/** How a plugin stands: whether it takes part, and why not. */
export interface Standing {
  name: string;
  state: PluginState["state"];
  why: Finding | null;
  /** It may still join: nobody has to mend it. */
  pending?: true;
}

/** One that is inactive and should not be: the heartbeat says so with a result. */
export interface Absent {
  name: string;
  reason: string;
  /** It may still join; since when that is waited for, ISO 8601. Null: it has failed. */
  pendingSince: string | null;
}
