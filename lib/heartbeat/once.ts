// `heartbeat once` and `heartbeat plugins`: what the agent would do, for a person to look at.

import { EXIT } from "../core/exit.ts";
import { errorText, UserError } from "../core/failure.ts";
import type { CheckResult, Heartbeat, PluginState } from "../core/heartbeat.ts";
import { printable } from "../core/printable.ts";
import { takeStandardOutput, writeAnswer } from "../os/answer.ts";
import { makeDir } from "../os/files.ts";
import { type Instance, lockHolder, makeRunDir, openLock } from "../os/lock.ts";
import type { Log } from "../runtime/log.ts";
import { createProgress } from "../runtime/progress.ts";
import { NO_SPOOL } from "./agent.ts";
import { buildAgent, loadPlugins } from "./build.ts";
import type { HeartbeatConfig } from "./settings.ts";
import { Spool } from "./spool.ts";

/**
 * Collects once and prints it; sends it unless told not to, or unless a daemon runs, which sends its own.
 * @returns exit code: 0 done, 3 not sent
 */
export async function beatOnce(
  config: HeartbeatConfig,
  log: Log,
  options: { json: boolean; send: boolean },
): Promise<number> {
  const instance = { tool: "heartbeat", dataRoot: config.stateDir, runDir: config.runDir };
  const progress = createProgress(() => performance.now());
  const holder = options.send ? await lockToSend(config, instance) : null;
  // Before any plugin is loaded.
  const out = takeStandardOutput();
  if (!options.send || holder !== null) {
    const { agent, close } = await buildAgent(config, log, progress, NO_SPOOL, null);
    await show(out, await agent.collect(), options.json);
    await close();
    if (holder === null) return EXIT.ok;
    log.warn(`not sent: the daemon (pid ${holder}) sends its own`);
    return EXIT.undelivered;
  }
  const { agent, close } = await buildAgent(
    config,
    log,
    progress,
    new Spool(config.stateDir, config.spoolMax, config.runDir),
    null,
  );
  await agent.beat();
  await agent.settled();
  if (agent.latest !== null) await show(out, agent.latest, options.json);
  await agent.stop();
  await close();
  return agent.sentAt === null ? EXIT.undelivered : EXIT.ok;
}

/** Takes the lock, as the daemon would. @returns the daemon that has it, or null */
async function lockToSend(config: HeartbeatConfig, instance: Instance): Promise<number | "unknown" | null> {
  await makeStateDir(config);
  makeRunDir(instance);
  return openLock(instance).take() ? null : (lockHolder(instance) ?? "unknown");
}

/** Prints which plugins take part. @returns exit code 0 */
export async function showPlugins(config: HeartbeatConfig, log: Log, json: boolean): Promise<number> {
  const out = takeStandardOutput();
  const { roster, close } = await loadPlugins(config, log, null);
  const states = roster.states();
  await close();
  await writeAnswer(out, `${json ? JSON.stringify(states, null, 2) : renderPlugins(states)}\n`);
  return EXIT.ok;
}

function show(out: number, heartbeat: Heartbeat, json: boolean): Promise<void> {
  return writeAnswer(out, `${json ? JSON.stringify(heartbeat, null, 2) : renderResults(heartbeat.results)}\n`);
}

/** A line for each result. Pure. */
export function renderResults(results: readonly CheckResult[]): string {
  const width = Math.max(0, ...results.map(({ name }) => name.length));
  return results
    .map(({ name, status, message }) =>
      printable(`${status.toUpperCase().padEnd(8)}  ${name.padEnd(width)}  ${message}`),
    )
    .join("\n");
}

/** A line for each plugin. Pure. */
export function renderPlugins(states: readonly PluginState[]): string {
  const width = Math.max(0, ...states.map(({ name }) => name.length));
  return states
    .map(({ name, state, reason }) =>
      printable(`${state.padEnd(7)}  ${name.padEnd(width)}${reason === null ? "" : `  ${reason}`}`.trimEnd()),
    )
    .join("\n");
}

/** @throws UserError when it cannot be made */
export async function makeStateDir({ stateDir }: HeartbeatConfig): Promise<void> {
  try {
    await makeDir(stateDir);
  } catch (error) {
    throw new UserError(
      `cannot make the state directory: ${errorText(error)}`,
      `create ${stateDir} and give it to the agent's user`,
    );
  }
}
