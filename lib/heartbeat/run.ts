// The agent's command line: which command is done by whom.

import type { CommandLine } from "../cli/options.ts";
import { sayStartRemarks } from "../client/start-remarks.ts";
import { configFile, loadConfig } from "../runtime/config/config-file.ts";
import { daemonCommands } from "../runtime/daemon-commands.ts";
import { type Call, type Commands, runTool } from "../runtime/tool.ts";
import { startAgent } from "./daemon.ts";
import { beatOnce, makeStateDir, showPlugins } from "./once.ts";
import { FIXED_SETTINGS, type HeartbeatConfig } from "./settings.ts";
import { statusCommand } from "./status.ts";

const readConfig = (call: Call): Promise<HeartbeatConfig> => loadConfig("heartbeat", call);

const COMMANDS: Commands = {
  ...daemonCommands<HeartbeatConfig>({
    tool: "heartbeat",
    readConfig,
    placeOf: ({ stateDir, runDir, drainTimeoutS }) => ({ dataRoot: stateDir, runDir, drainTimeoutS }),
    fixed: FIXED_SETTINGS,
    async prepare(settings, call) {
      await makeStateDir(settings.current());
      void sayOddities(settings.current(), call);
      return (context) => startAgent(settings, context);
    },
  }),
  once: async (call) => {
    const { options } = call.line;
    const send = options["no-send"] !== true;
    const config = await readConfig(call);
    if (send) await sayOddities(config, call);
    return beatOnce(config, call.log, { json: options.json === true, send });
  },
  status: async (call) => statusCommand(await readConfig(call), call.line.options.json === true),
  plugins: async (call) => showPlugins(await readConfig(call), call.log, call.line.options.json === true),
};

/** Runs the heartbeat's command line; resolves with the exit code. */
export function runHeartbeat(line: CommandLine): Promise<number> {
  return runTool("heartbeat", COMMANDS, line);
}

function sayOddities({ hostId, receiver }: HeartbeatConfig, { line, log }: Call): Promise<void> {
  return sayStartRemarks({ hostId, receiver, configFile: configFile("heartbeat", line) }, log.warn);
}
