// `heartbeat once` and `heartbeat plugins`: what the agent would do, for a person to look at.

import { withNotes } from "../contract/check-notes.ts";
import type { Heartbeat } from "../contract/heartbeat.ts";
import type { CheckResult } from "../contract/observation.ts";
import { EXIT } from "../core/exit.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { type Fix, findingText } from "../core/finding.ts";
import { unitCommand } from "../core/linux/unit-fix.ts";
import { columns } from "../core/text/columns.ts";
import { takeStandardOutput, writeAnswer } from "../os/answer.ts";
import { makeDir } from "../os/files/files.ts";
import { type Instance, lockHolder, makeRunDir, openLock } from "../os/files/lock.ts";
import { settingsOf } from "../runtime/config/settings.ts";
import type { Log } from "../runtime/log/log.ts";
import { createProgress } from "../runtime/progress.ts";
import { handleSignals, isRepeat, type ReceivedSignal } from "../runtime/signals.ts";
import { type Agent, NO_SPOOL } from "./agent.ts";
import { buildAgent, loadPlugins } from "./build.ts";
import type { Standing } from "./plugin.ts";
import { Spool } from "./send/spool.ts";
import type { HeartbeatConfig } from "./settings.ts";

/** Exit codes of what a signal ended: this and its number (POSIX sh, 2.8.2). */
const SIGNALLED = 128;

/**
 * Collects once and prints it; sends it unless told not to, or unless a daemon runs, which sends its own.
 * @returns exit code: 0 done, 3 not sent, 128 + N at a signal: then nothing is printed or sent
 */
export async function beatOnce(
  config: HeartbeatConfig,
  log: Log,
  options: { json: boolean; send: boolean },
): Promise<number> {
  const instance = { tool: "heartbeat", dataRoot: config.stateDir, runDir: config.runDir };
  const holder = options.send ? await lockToSend(config, instance) : null;
  // Before any plugin is loaded.
  const out = takeStandardOutput();
  return untilSignal(log, async (breakOff) => {
    const doesSend = options.send && holder === null;
    const spool = doesSend ? new Spool(config.stateDir, () => config.spoolMax, config.runDir) : NO_SPOOL;
    const progress = createProgress(() => performance.now());
    const { agent, close } = await buildAgent(settingsOf(config), log, progress, spool, null);
    const end = async (): Promise<void> => {
      await agent.stop();
      await close();
    };
    breakOff.end = end;
    const heartbeat = doesSend ? await beat(agent) : await agent.collect();
    // What a signal cut off tells of failures that are none.
    if (heartbeat === null || breakOff.begun) return EXIT.undelivered;
    await show(out, heartbeat, options.json);
    await end();
    if (doesSend) return agent.sentAt === null ? EXIT.undelivered : EXIT.ok;
    if (holder === null) return EXIT.ok;
    log.warn(`not sent: the daemon (pid ${holder}) sends its own`);
    return EXIT.undelivered;
  });
}

async function beat(agent: Agent): Promise<Heartbeat | null> {
  await agent.beat();
  await agent.settled();
  return agent.latest;
}

/** Takes the lock, as the daemon would. @returns the daemon that has it, or null */
async function lockToSend(config: HeartbeatConfig, instance: Instance): Promise<number | "unknown" | null> {
  await makeStateDir(config);
  makeRunDir(instance);
  return openLock(instance).take() ? null : (lockHolder(instance) ?? "unknown");
}

/** Prints which plugins take part. @returns exit code 0, or 128 + N at a signal */
export async function showPlugins(config: HeartbeatConfig, log: Log, json: boolean): Promise<number> {
  const out = takeStandardOutput();
  return untilSignal(log, async (breakOff) => {
    const { roster, close } = await loadPlugins(config, log, null);
    breakOff.end = close;
    const [states, standings] = [roster.states(), roster.standings()];
    await close();
    await writeAnswer(out, `${json ? JSON.stringify(states, null, 2) : renderPlugins(standings)}\n`);
    return EXIT.ok;
  });
}

/** What a signal does to work. */
interface BreakOff {
  /** The work has no more to say. */
  begun: boolean;
  /** Ends what runs; nothing does before this is set. */
  end: () => Promise<void>;
}

/**
 * Does some work unless a signal comes. The first one ends in good order what runs: checks have sessions of their own, and
 * Ctrl-C does not reach them. The second one quits at once, and the checks are killed (checks/ladder.ts).
 * @returns the work's exit code, or 128 + the signal's number, as a shell says it
 */
async function untilSignal(log: Log, work: (breakOff: BreakOff) => Promise<number>): Promise<number> {
  const [first, second] = [Promise.withResolvers<ReceivedSignal>(), Promise.withResolvers<void>()];
  let received: { signal: ReceivedSignal; atMs: number } | null = null;
  const stop = (signal: ReceivedSignal): void => {
    const atMs = performance.now();
    if (received === null) {
      received = { signal, atMs };
      first.resolve(signal);
    } else if (!isRepeat(received.signal, signal, atMs - received.atMs)) second.resolve();
  };
  handleSignals({ stop, reload: null });
  const breakOff: BreakOff = { begun: false, end: async () => undefined };
  const outcome = await Promise.race([work(breakOff), first.promise]);
  if (typeof outcome === "number") return outcome;
  breakOff.begun = true;
  log.warn(`${outcome.name}: ending what runs; another signal quits at once`);
  await Promise.race([breakOff.end(), second.promise]);
  return SIGNALLED + outcome.number;
}

function show(out: number, heartbeat: Heartbeat, json: boolean): Promise<unknown> {
  return writeAnswer(out, `${json ? JSON.stringify(heartbeat, null, 2) : renderResults(heartbeat.results)}\n`);
}

/** A line for each result. Pure. */
export function renderResults(results: readonly CheckResult[]): string {
  const rows = results.map(({ name, status, message, notes }) => [
    status.toUpperCase(),
    name,
    withNotes(message, notes),
  ]);
  return columns(rows, ["CRITICAL".length]).join("\n");
}

/** A line for each plugin; one that failed says what brings it back. Pure. */
export function renderPlugins(standings: readonly Standing[]): string {
  const rows = standings.map((plugin) => {
    const { name, state, why } = plugin;
    return [state, name, why === null ? "" : findingText({ what: why.what, fix: why.fix ?? ownFix(plugin) })];
  });
  return columns(rows, ["skipped".length]).join("\n");
}

/** Plugins are loaded at the agent's start. */
const MEND_PLUGIN: Fix = { text: "mend what it names, then", commands: [unitCommand("heartbeat", "restart")] };

/** What mends one that has no remedy of its own; nothing where it is only slow. */
function ownFix({ state, pending }: Standing): Fix | null {
  return state === "failed" && pending !== true ? MEND_PLUGIN : null;
}

const FIXES: Readonly<Record<string, string>> = {
  ENOSPC: "make room on its disk",
  EDQUOT: "make room: its user's quota is used up",
  EROFS: "mount its disk writable; the kernel makes one read-only when it is broken: dmesg shows why",
};

/** @throws UserError when it cannot be made */
export async function makeStateDir({ stateDir }: HeartbeatConfig): Promise<void> {
  try {
    await makeDir(stateDir);
  } catch (error) {
    // The machine's refusal, not the configuration's fault: systemd tries again, and a disk may have room by then.
    throw new UserError(
      `cannot make the state directory: ${errorText(error)}`,
      FIXES[errorCode(error) ?? ""] ?? `create ${stateDir} and give it to the agent's user`,
      EXIT.undelivered,
    );
  }
}
