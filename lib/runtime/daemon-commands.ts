// The commands that every daemon has (lib/cli/daemon-table.ts) besides its own, its very life among them.

import { EXIT } from "../core/exit.ts";
import { stopBudget } from "../core/stop-budget.ts";
import type { DaemonName } from "../core/tools.ts";
import { complain, print } from "../os/answer.ts";
import { heldBy, type Instance, isFree, lockHolder, notedPid, openLock } from "../os/files/lock.ts";
import { configTest } from "./config/config-test.ts";
import { type FixedSettings, LiveSettings } from "./config/settings.ts";
import { type DaemonContext, type Running, runDaemon } from "./daemon.ts";
import { detach, shouldDetach } from "./detach.ts";
import { diagnosticCommand } from "./diagnostic/diagnostic.ts";
import { postStop } from "./ends/post-stop.ts";
import { endHolder } from "./instance.ts";
import { holdHangUp } from "./signals.ts";
import type { Call, Commands } from "./tool.ts";

/** Where a daemon lives, and how long what it does may go on after SIGTERM. */
export interface DaemonPlace {
  dataRoot: string;
  runDir: string;
  drainTimeoutS: number;
}

/** What makes a tool a daemon. */
export interface DaemonFrame<C extends object> {
  tool: DaemonName;
  readConfig: (call: Call) => Promise<C>;
  placeOf: (config: Readonly<C>) => DaemonPlace;
  /** What no reload changes. */
  fixed: FixedSettings<C>;
  /** Makes what must be there before it can be locked, and finds what would be in vain. Resolves with what starts it then. */
  prepare: (settings: LiveSettings<C>, call: Call) => Promise<(context: DaemonContext) => Promise<Running>>;
}

/** The commands of a daemon, to stand among those of its own. */
export function daemonCommands<C extends object>(frame: DaemonFrame<C>): Commands {
  const { tool, readConfig, placeOf } = frame;
  return {
    "": (call) => serve(frame, call),
    "config test": (call) => configTest(tool, call, readConfig),
    stop: async (call) => {
      const { dataRoot, runDir, drainTimeoutS } = placeOf(await readConfig(call));
      return stopRunning({ tool, dataRoot, runDir }, stopBudget(drainTimeoutS).totalS, call.line.options);
    },
    diagnostic: ({ line: { options } }) => diagnosticCommand({ tool, options }),
    "post-stop": () => postStop({ tool, env: process.env, nowMs: Date.now() }),
  };
}

/** The daemon itself, here or in the background. */
async function serve<C extends object>(
  { tool, readConfig, placeOf, fixed, prepare }: DaemonFrame<C>,
  call: Call,
): Promise<number> {
  const { log, line } = call;
  if (shouldDetach(line)) return detach(tool);
  holdHangUp();
  const settings = new LiveSettings(await readConfig(call), fixed, () => readConfig(call));
  const start = await prepare(settings, call);
  const { dataRoot, runDir, drainTimeoutS } = placeOf(settings.current());
  const how = { tool, log, budget: stopBudget(drainTimeoutS), replace: line.options.replace === true };
  return runDaemon({ ...how, dataRoot, runDir }, start);
}

type Options = Readonly<Record<string, string | true>>;

/**
 * The command `stop`: leaves a planned-stop marker, sends SIGTERM and waits.
 * @param waitS its stop budget, seconds
 * @throws UserError when systemd runs it, when it may not be stopped, or when it does not go
 */
async function stopRunning(instance: Instance, waitS: number, options: Options): Promise<number> {
  const pid = await waitForHolder(instance);
  if (pid === null) {
    await print(`no ${instance.tool} runs on ${instance.dataRoot}\n`);
    return EXIT.ok;
  }
  const by = process.env.SUDO_USER ?? process.env.USER ?? `uid ${process.getuid?.() ?? "?"}`;
  const reason = typeof options.reason === "string" ? options.reason : "stop command";
  const said = (problem: string): void => complain(`${instance.tool}: ${problem}\n`);
  await endHolder({ ...instance, waitS }, openLock(instance), pid, {
    kind: "planned-stop",
    marker: { target_pid: pid, by, reason },
    said,
  });
  await print(`stopped (pid ${pid})\n`);
  return EXIT.ok;
}

/** Who has just taken the lock notes its pid in a moment; another command that only tries it notes none. */
const STARTING_MS = 2000;

/** Who holds the lock; null: nobody. @throws UserError when nobody knows */
async function waitForHolder(instance: Instance): Promise<number | null> {
  const deadline = performance.now() + STARTING_MS;
  for (;;) {
    if (isFree(instance)) return null;
    const pid = lockHolder(instance);
    const isLate = performance.now() > deadline;
    // A daemon with another run directory notes it there.
    if (pid !== null && (pid === notedPid(instance) || isLate)) return pid;
    if (isLate) throw heldBy(instance, null);
    await Bun.sleep(20);
  }
}
