// The health check's command line: which command is done by whom.

import type { CommandLine } from "../cli/options.ts";
import { loadConfig } from "../runtime/config/config-file.ts";
import { type Call, type Commands, runTool } from "../runtime/tool.ts";
import { checkCommand } from "./check.ts";
import { type FleetHealthConfig, nowOf, withFlags } from "./settings.ts";

const COMMANDS: Commands = {
  "": async (call) => {
    const { options } = call.line;
    const nowMicros = nowOf(options, Date.now());
    const config = withFlags(await readConfig(call), options);
    return checkCommand(config, { nowMicros, json: options.json === true }, call.log);
  },
};

/** Runs the command line; resolves with the exit code. */
export function runFleetHealth(line: CommandLine): Promise<number> {
  return runTool("fleet-health", COMMANDS, line);
}

/** With both paths on the command line the Python fleet's check needs no configuration, either. */
function readConfig(call: Call): Promise<FleetHealthConfig> {
  const { options } = call.line;
  const isSpared = options["index-path"] !== undefined && options["alerts-path"] !== undefined;
  return loadConfig("fleet-health", call, isSpared);
}
