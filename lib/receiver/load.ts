// Reads the config that a command line names, and its log level.

import { readFileSync } from "node:fs";
import type { CommandLine } from "../cli/options.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { LOG_LEVELS, type Log, type LogLevel } from "../runtime/log.ts";
import { DEFAULT_CONFIG_PATH, parseReceiverConfig, type ReceiverConfig } from "./config.ts";

/**
 * The `--log-level` option; info when it is not given.
 * @throws UserError when it is no level
 */
export function logLevel(line: CommandLine): LogLevel {
  const wanted = line.options["log-level"] ?? "info";
  const level = LOG_LEVELS.find((name) => name === wanted);
  if (level === undefined)
    throw new UserError(`--log-level must be one of ${LOG_LEVELS.join(", ")}, found "${wanted}"`);
  return level;
}

/**
 * Reads and checks the config; what is odd in it is logged.
 * @throws UserError when it cannot be read or is wrong
 */
export function loadConfig(line: CommandLine, log: Log): ReceiverConfig {
  const given = line.options.config;
  const file = typeof given === "string" ? given : DEFAULT_CONFIG_PATH;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const missing = errorCode(error) === "ENOENT";
    throw new UserError(
      missing ? `there is no config at ${file}` : `cannot read the config ${file}: ${errorText(error)}`,
      missing
        ? "write one (an empty file takes every default), or name it with --config PATH"
        : "make it readable for this user",
    );
  }
  const { config, warnings } = parseReceiverConfig(text, file);
  for (const warning of warnings) log.warn(warning);
  return config;
}
