// Puts plugins, spool and sender together, for the daemon and for one collection.

import { BUILD } from "../core/build-info.ts";
import type { PluginState, QueueReport } from "../core/heartbeat.ts";
import { readClock } from "../os/libc.ts";
import { bootId, isUnreadable, readParsed } from "../os/proc.ts";
import type { Log } from "../runtime/log.ts";
import type { Progress } from "../runtime/progress.ts";
import { Agent, type AgentSpool } from "./agent.ts";
import { CollectState, collectAll } from "./collect.ts";
import { closeAll, type Initialised, initialiseAll } from "./initialise.ts";
import { nagiosRunner } from "./nagios/nagios-runner.ts";
import type { Plugin } from "./plugin.ts";
import { BUILT_IN } from "./plugins/index.ts";
import { loadPluginsDir } from "./plugins-dir.ts";
import { sendHeartbeat } from "./send.ts";
import type { HeartbeatConfig } from "./settings.ts";

/** How long a plugin may take to begin and to end, milliseconds. */
const INITIALISE_MS = 10_000;
// A check that ignores SIGTERM is there until its grace is over.
const CLOSE_MS = 8000;

/** A collection that outlasts its own limits by so much hangs, seconds. */
const STUCK_S = 60;

const ROOT = "/";

export interface Plugins extends Initialised {
  /** What the queue plugin saw last. */
  queue: () => QueueReport | null;
  close: () => Promise<void>;
}

/** Loads and initialises all plugins: the built-in ones, then those of plugins_dir. */
export async function loadPlugins(config: HeartbeatConfig, log: Log): Promise<Plugins> {
  let seen: QueueReport | null = null;
  const around = {
    shipper: config.shipper,
    kernelClock: readClock,
    sawQueue: (report: QueueReport | null) => {
      seen = report;
    },
  };
  const builtIn = [...BUILT_IN.map((make) => make(around)), nagiosRunner()];
  const own = await loadPluginsDir({
    directory: config.pluginsDir,
    isSet: config.pluginsDirIsSet,
    taken: builtIn.map(({ name }) => name),
    log,
    deadlineMs: INITIALISE_MS,
  });
  const contextFor = ({ name }: Plugin) => ({
    log,
    intervalS: config.intervalS,
    settings: config.plugins[name] ?? {},
    root: ROOT,
  });
  const initialised = await initialiseAll([...builtIn, ...own.plugins], { deadlineMs: INITIALISE_MS, log, contextFor });
  return {
    plugins: initialised.plugins,
    states: [...initialised.states, ...own.states].map(bounded),
    queue: () => seen,
    close: () => closeAll(initialised.plugins, CLOSE_MS, log),
  };
}

/** A reason is a line: it goes with each heartbeat, and must not crowd the results out. */
const REASON_CHARACTERS = 500;

function bounded({ name, state, reason }: PluginState): PluginState {
  return { name, state, reason: reason?.slice(0, REASON_CHARACTERS) ?? null };
}

export interface BuiltAgent {
  agent: Agent;
  /** How many plugins take part. */
  loaded: number;
  close: () => Promise<void>;
}

/**
 * @param progress told of each collection while it runs
 * @param spool where what does not get through waits
 */
export async function buildAgent(
  config: HeartbeatConfig,
  log: Log,
  progress: Progress,
  spool: AgentSpool,
): Promise<BuiltAgent> {
  const { plugins, states, queue, close } = await loadPlugins(config, log);
  const state = new CollectState();
  const agent = new Agent({
    config,
    spool,
    log,
    versions: { heartbeat: BUILD.version, commit: BUILD.commit, target: BUILD.target },
    collect: async (run, signal) => {
      const work = progress.begin("collection", config.collectTimeoutS + STUCK_S);
      try {
        const { collectTimeoutS, intervalS } = config;
        const options = { deadlineMs: collectTimeoutS * 1000, intervalS, signal, nowMs: Date.now, log, run, state };
        return await collectAll(plugins, options);
      } finally {
        work.done();
      }
    },
    states: () => states,
    queue,
    send: (text, signal) => sendHeartbeat(config, text, signal),
    bootId: bootName(),
    uptimeS: readUptime,
    now: () => new Date(),
    random: Math.random,
  });
  return { agent, loaded: plugins.length, close };
}

function bootName(): string {
  const id = bootId(ROOT);
  return isUnreadable(id) ? "unknown" : id;
}

function readUptime(): number {
  const seconds = readParsed(ROOT, "proc/uptime", (text) => Number.parseFloat(text));
  return isUnreadable(seconds) ? 0 : Math.round(seconds);
}
