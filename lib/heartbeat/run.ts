// The agent's command line: which command is done by whom.

import type { CommandLine } from "../cli/options.ts";
import { startRemarks } from "../client/start-remarks.ts";
import { findingText } from "../core/finding.ts";
import { stopBudget } from "../core/stop-budget.ts";
import { configFile, LEAST_LAB_HOST, loadConfig } from "../runtime/config.ts";
import { runDaemon } from "../runtime/daemon.ts";
import { detach, shouldDetach } from "../runtime/detach.ts";
import { openLog, readLogLevel } from "../runtime/log/log.ts";
import { holdHangUp } from "../runtime/signals.ts";
import { runWithoutConfig, stopRunning } from "../runtime/verbs.ts";
import { startAgent } from "./daemon.ts";
import { beatOnce, makeStateDir, showPlugins } from "./once.ts";
import { DEFAULT_CONFIG_PATH, type HeartbeatConfig } from "./settings.ts";
import { statusCommand } from "./status.ts";

/** Runs the heartbeat's command line; resolves with the exit code. */
export async function runHeartbeat(line: CommandLine): Promise<number> {
  const done = await runWithoutConfig("heartbeat", line.command, line.options);
  if (done !== null) return done;
  const log = openLog("heartbeat", readLogLevel(line.options));
  if (line.command === "" && shouldDetach(line)) return detach("heartbeat");
  if (line.command === "") holdHangUp();
  const thread = "lib/heartbeat/config-worker";
  const source = { given: line.options.config, defaultPath: DEFAULT_CONFIG_PATH, thread, least: LEAST_LAB_HOST };
  const readConfig = (): Promise<HeartbeatConfig> => loadConfig<HeartbeatConfig>(source, log);
  const config = await readConfig();
  const { hostId, receiver } = config;
  const sayOddities = async (): Promise<void> => {
    for (const finding of await startRemarks({ hostId, receiver, configFile: configFile(source) }))
      log.warn(findingText(finding));
  };
  const budget = stopBudget(config.drainTimeoutS);
  const instance = { tool: "heartbeat", dataRoot: config.stateDir, runDir: config.runDir };
  const json = line.options.json === true;
  switch (line.command) {
    case "once":
      if (line.options["no-send"] !== true) await sayOddities();
      return beatOnce(config, log, { json, send: line.options["no-send"] !== true });
    case "status":
      return statusCommand(config, json);
    case "plugins":
      return showPlugins(config, log, json);
    case "stop":
      return stopRunning(instance, budget.totalS, line.options);
    default:
      await makeStateDir(config);
      // Not waited for: a disk that gives no answer shall not hold up the start.
      void sayOddities();
      return runDaemon({ ...instance, log, budget, replace: line.options.replace === true }, (context) =>
        startAgent(config, context, readConfig),
      );
  }
}
