// The health check's command line: which command is done by whom.

import { existsSync } from "node:fs";
import type { CommandLine } from "../cli/options.ts";
import { isoWall } from "../core/clock.ts";
import { UserError } from "../core/failure.ts";
import { configFile, loadConfig } from "../runtime/config/config-file.ts";
import { configTest } from "../runtime/config/config-test.ts";
import { type Call, type Commands, runTool } from "../runtime/tool.ts";
import { parseToml } from "../schema/toml.ts";
import { checkCommand } from "./check.ts";
import { notifyTestCommand } from "./commands/notify-test.ts";
import { retireCommand, silenceCommand, silencesCommand } from "./commands/orders.ts";
import { statusCommand } from "./commands/status.ts";
import { refuseSame } from "./same-place.ts";
import { type FleetHealthConfig, nowOf, withFlags } from "./settings.ts";
import { configOf, type FleetHealthTable } from "./table.ts";
import { noteUnconfigured } from "./unconfigured.ts";

const COMMANDS: Commands = {
  "": async (call) => {
    const { options } = call.line;
    const nowMicros = nowOf(options, Date.now());
    const beganAt = isoWall(Date.now());
    const config = await settings(call, (error) => noteUnconfigured(error, call.line, beganAt));
    return checkCommand(config, { nowMicros, json: options.json === true }, call.log);
  },
  "config test": (call) => configTest("fleet-health", call, readConfig),
  status: async (call) => {
    const { json, all } = call.line.options;
    const how = { nowMs: Date.now(), json: json === true, all: all === true };
    return statusCommand(await settings(call), how, call.log);
  },
  silence: async (call) => silenceCommand(await settings(call), call, Date.now()),
  silences: async (call) => silencesCommand(await settings(call), call, Date.now()),
  "notify-test": async (call) => notifyTestCommand(await settings(call), call, Date.now()),
  retire: async (call) => retireCommand(await settings(call), call, Date.now()),
};

/** Runs the command line; resolves with the exit code. */
export function runFleetHealth(line: CommandLine): Promise<number> {
  return runTool("fleet-health", COMMANDS, line);
}

/** @param unread what is done before the failure goes on, where the configuration cannot be read */
async function settings(call: Call, unread: (error: UserError) => void = () => undefined): Promise<FleetHealthConfig> {
  const read = await readConfig(call).catch((error: unknown) => {
    if (error instanceof UserError) unread(error);
    throw error;
  });
  const config = withFlags(read, call.line.options);
  const file = configFile("fleet-health", call.line);
  refuseSame(config, existsSync(file) ? file : null);
  return config;
}

/** With both paths on the command line the Python fleet's check needs no configuration, either. */
function readConfig(call: Call): Promise<FleetHealthConfig> {
  const { options } = call.line;
  const isSpared = options["index-path"] !== undefined && options["alerts-path"] !== undefined;
  const unchecked = (text: string, file: string) => configOf(parseToml(text, file) as FleetHealthTable, file);
  return loadConfig("fleet-health", call, { isSpared, unchecked });
}
