// Puts plugins, spool and sender together, for the daemon and for one collection.

import { join } from "node:path";
import type { QueueReport } from "../contract/queue.ts";
import { PIN_FILE, pinnedId } from "../contract/receiver-pin.ts";
import { BUILD } from "../core/build-info.ts";
import { isUnreadable } from "../core/reading.ts";
import { readClock } from "../os/clock-calls.ts";
import { readSmallFile } from "../os/files/sync-files.ts";
import { thisMachine } from "../os/process/machine.ts";
import { bootId, readParsed } from "../os/process/proc.ts";
import type { Settings } from "../runtime/config/settings.ts";
import type { Log } from "../runtime/log/log.ts";
import type { Progress } from "../runtime/progress.ts";
import { Agent, type AgentSpool } from "./agent.ts";
import { CollectState, collectAll } from "./collect/collect.ts";
import { unreadTables } from "./collect/plugin-tables.ts";
import { Roster } from "./collect/roster.ts";
import { nagiosRunner } from "./nagios/nagios-runner.ts";
import type { Plugin } from "./plugin.ts";
import { BUILT_IN } from "./plugins/index.ts";
import { openKnownShipper } from "./plugins/known-shipper.ts";
import { findPlugins } from "./plugins-dir/find.ts";
import { noteAnnounced } from "./send/announced.ts";
import { heartbeatClient, sendHeartbeat } from "./send/send.ts";
import type { HeartbeatConfig } from "./settings.ts";

/** How long a plugin may take to load and to begin, milliseconds. */
const INITIALISE_MS = 10_000;
/**
 * And to end, seconds: `drain_timeout_s` within these. Less is not enough to kill anything; more than the longest grace of a
 * check nobody needs, and a plugin that hangs shall not have it.
 */
const CLOSE_S = { least: 2, most: 62 };

/** How long the first collection waits for plugins of plugins_dir, milliseconds: whoever is later may join later. */
const JOIN_MS = 2000;
/** How long they wait for each other's names: half of that is left to those that had to wait. */
const CLAIM_MS = JOIN_MS / 2;

/** A collection waits for its plugins no longer than this share of the interval: the next one shall find it done. */
const WAIT_SHARE = 0.45;
/** One that takes so much longer hangs, seconds. */
const STUCK_S = 60;

const ROOT = "/";
/** A pin is a few hundred bytes, and knows sixteen that were pinned before. */
const PIN_BYTES = 16_384;

export interface Plugins {
  roster: Roster;
  /** What the queue plugin saw last. */
  queue: () => QueueReport | null;
  /** Checks that run are gone when it resolves. */
  close: () => Promise<void>;
}

/**
 * Loads and initialises all plugins: the built-in ones, then those of plugins_dir.
 * @param joinMs how long the latter are waited for; null: as long as each of them may take
 */
export async function loadPlugins(config: HeartbeatConfig, log: Log, joinMs: number | null): Promise<Plugins> {
  let seen: QueueReport | null = null;
  const around = {
    shipper: config.shipper,
    kernelClock: readClock,
    knownShipper: openKnownShipper(config.stateDir),
    sawQueue: (report: QueueReport | null) => {
      seen = report;
    },
  };
  const builtIn = BUILT_IN.map((make) => make(around));
  const checks = nagiosRunner();
  checks.emptyHint = "no entry of nagios_runner.commands can be used, and the log has said why";
  const { pluginsDir: directory, pluginsDirIsSet: isSet } = config;
  const closeS = Math.min(CLOSE_S.most, Math.max(CLOSE_S.least, config.drainTimeoutS));
  const roster = new Roster({
    builtIn: [...builtIn, checks],
    ...findPlugins({ directory, isSet, log, deadlineMs: INITIALISE_MS }),
    deadlineMs: INITIALISE_MS,
    claimMs: CLAIM_MS,
    log,
    now: () => new Date(),
    contextFor: ({ name }: Plugin) => ({
      log,
      intervalS: config.intervalS,
      closeS,
      settings: (Object.hasOwn(config.plugins, name) ? config.plugins[name] : undefined) ?? {},
      root: ROOT,
    }),
  });
  let closing: Promise<void> | null = null;
  const said = roster.settled.then(() => {
    const names = { builtIn: builtIn.map(({ name }) => name), ...roster.ownNames() };
    for (const remark of closing !== null ? [] : unreadTables(Object.keys(config.plugins), names)) log.warn(remark);
  });
  await roster.begin(joinMs);
  if (joinMs === null) await said;
  // Whoever closes a second time waits for the first.
  const close = (): Promise<void> => {
    closing ??= roster.close(closeS * 1000);
    return closing;
  };
  return { roster, queue: () => seen, close };
}

export interface BuiltAgent {
  agent: Agent;
  /** How many plugins take part; others may join. */
  loaded: number;
  close: () => Promise<void>;
}

/**
 * @param progress told of each collection while it runs
 * @param spool where what does not get through waits
 * @param joinMs how long plugins of plugins_dir are waited for; null: as long as each of them may take, and each collection too
 */
export async function buildAgent(
  settings: Settings<HeartbeatConfig>,
  log: Log,
  progress: Progress,
  spool: AgentSpool,
  joinMs: number | null = JOIN_MS,
): Promise<BuiltAgent> {
  // What its plugins and its connections are made of is fixed for a run.
  const { runDir, shipper } = settings.current();
  const { roster, queue, close } = await loadPlugins(settings.current(), log, joinMs);
  const client = heartbeatClient(settings.current());
  const state = new CollectState();
  // As they were when the collection began: results and states of one heartbeat shall agree.
  let states = roster.states();
  const agent = new Agent({
    settings,
    spool,
    log,
    versions: { heartbeat: BUILD.version, commit: BUILD.commit, target: BUILD.target },
    collect: async (run, signal, only) => {
      const { collectTimeoutS, intervalS } = settings.current();
      const wait = joinMs === null ? {} : { waitMs: intervalS * 1000 * WAIT_SHARE };
      const work = progress.begin("collection", intervalS + STUCK_S);
      try {
        states = roster.states();
        const around = { intervalS, signal, nowMs: Date.now, log, run, state, absent: roster.absent(), only, ...wait };
        return await collectAll(roster.plugins(), { deadlineMs: collectTimeoutS * 1000, ...around });
      } finally {
        work.done();
      }
    },
    states: () => states,
    queue,
    accepted: (number, receiverId) => noteAnnounced(runDir, number, receiverId, log),
    send: (text, signal) => sendHeartbeat(client, settings.current(), text, signal),
    bootId: bootName(),
    machine: thisMachine(ROOT),
    pinned: () => readPinned(shipper.dataRoot),
    uptimeS: readUptime,
    now: () => new Date(),
    random: Math.random,
  });
  const closeAll = async (): Promise<void> => {
    client.close();
    await close();
  };
  return { agent, loaded: roster.plugins().length, close: closeAll };
}

function bootName(): string {
  const id = bootId(ROOT);
  return isUnreadable(id) ? "unknown" : id;
}

/** The shipper may be of another release, or not be here: then nobody is known to be pinned. */
function readPinned(dataRoot: string): string | null {
  const file = readSmallFile(join(dataRoot, PIN_FILE), PIN_BYTES);
  return file === null || isUnreadable(file) ? null : pinnedId(file.text);
}

function readUptime(): number {
  const seconds = readParsed(ROOT, "proc/uptime", (text) => Number.parseFloat(text));
  return isUnreadable(seconds) ? 0 : Math.round(seconds);
}
