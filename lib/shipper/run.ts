// The shipper's command line: which command is done by whom.

import type { CommandLine } from "../cli/options.ts";
import { startRemarks } from "../client/start-remarks.ts";
import { missingRoot } from "../contract/shipper-words.ts";
import { EXIT } from "../core/exit.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { findingText } from "../core/finding.ts";
import { unitLine } from "../core/linux/unit-fix.ts";
import { stopBudget } from "../core/stop-budget.ts";
import { quoted } from "../core/text/fields.ts";
import { print } from "../os/answer.ts";
import { type Instance, lockHolder } from "../os/files/lock.ts";
import { refusedFix } from "../os/process/as-typed.ts";
import { configFile, LEAST_LAB_HOST, loadConfig } from "../runtime/config.ts";
import { runDaemon } from "../runtime/daemon.ts";
import { detach, shouldDetach } from "../runtime/detach.ts";
import { openLog, readLogLevel } from "../runtime/log/log.ts";
import { holdHangUp } from "../runtime/signals.ts";
import { runWithoutConfig, stopRunning } from "../runtime/verbs.ts";
import { discardEpisodes } from "./commands/discard.ts";
import { pinCommand } from "./commands/pin.ts";
import { requeueEpisodes } from "./commands/requeue.ts";
import { startDaemon } from "./daemon.ts";
import { makeDataDirs } from "./data-root.ts";
import { shipOnce } from "./once.ts";
import type { Dirs } from "./settings.ts";
import { DEFAULT_CONFIG_PATH, dataDirs, type ShipperConfig } from "./settings.ts";
import { readStatus } from "./status/status.ts";
import { renderStatus } from "./status/status-text.ts";

/** Runs the shipper's command line; resolves with the exit code. */
export async function runShipper(line: CommandLine): Promise<number> {
  const done = await runWithoutConfig("shipper", line.command, line.options);
  if (done !== null) return done;
  const log = openLog("shipper", readLogLevel(line.options));
  if (line.command === "" && shouldDetach(line)) return detach("shipper");
  if (line.command === "") holdHangUp();
  const thread = "lib/shipper/config-worker";
  const source = { given: line.options.config, defaultPath: DEFAULT_CONFIG_PATH, thread, least: LEAST_LAB_HOST };
  const readConfig = (): Promise<ShipperConfig> => loadConfig<ShipperConfig>(source, log);
  const config = await readConfig();
  const { hostId, receiver } = config;
  const sayOddities = async (): Promise<void> => {
    for (const finding of await startRemarks({ hostId, receiver, configFile: configFile(source) }))
      log.warn(findingText(finding));
  };
  const dirs = dataDirs(config.dataRoot);
  const budget = stopBudget(config.drainTimeoutS);
  const instance = { tool: "shipper", dataRoot: config.dataRoot, runDir: config.runDir };
  switch (line.command) {
    case "status":
      return inDataRoot(instance, "read", () => printStatus(config, dirs, line.options.json === true));
    case "requeue":
      return inDataRoot(instance, "work in", () => requeueEpisodes(dirs, line, log));
    case "discard":
      return inDataRoot(instance, "work in", () => discardEpisodes(config, dirs, line, log));
    case "pin":
      return pinCommand(config, line);
    case "once":
      await sayOddities();
      return shipOnce(config, dirs, log);
    case "stop":
      return stopRunning(instance, budget.totalS, line.options);
    default:
      await makeDataDirs(config, dirs, log);
      // Not waited for: a disk that gives no answer shall not hold up the start.
      void sayOddities();
      return runDaemon({ ...instance, log, budget, replace: line.options.replace === true }, (context) =>
        startDaemon(config, dirs, context, readConfig),
      );
  }
}

async function printStatus(config: ShipperConfig, dirs: Dirs, json: boolean): Promise<number> {
  const status = await readStatus(config, dirs);
  await print(`${json ? JSON.stringify(status, null, 2) : renderStatus(status)}\n`);
  return EXIT.ok;
}

/** A command by hand, perhaps by somebody who may not, or before there is anything. */
async function inDataRoot(instance: Instance, doWhat: string, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (errorCode(error) === null) throw error;
    const pid = errorCode(error) === "ENOENT" ? lockHolder(instance) : null;
    if (pid !== null) {
      const { what, fix } = missingRoot(pid, instance.dataRoot);
      throw new UserError(what, fix);
    }
    throw new UserError(
      `cannot ${doWhat} the data root: ${quoted(errorText(error))}`,
      errorCode(error) === "ENOENT" ? `start it once: ${unitLine("shipper", "start")}` : refusedFix(errorCode(error)),
    );
  }
}
