// The receiver's configuration, as its command line names it.

import type { CommandLine } from "../cli/options.ts";
import { loadConfig } from "../runtime/config.ts";
import type { Log } from "../runtime/log/log.ts";
import { DEFAULT_CONFIG_PATH, type ReceiverConfig } from "./settings.ts";

/**
 * Reads and checks the configuration.
 * @throws UserError when it cannot be read or is wrong
 */
export function loadReceiverConfig(line: CommandLine, log: Log): Promise<ReceiverConfig> {
  const thread = "lib/receiver/config-worker";
  const least = "an empty file will do: every setting has a default";
  const source = { given: line.options.config, defaultPath: DEFAULT_CONFIG_PATH, thread, least };
  return loadConfig<ReceiverConfig>(source, log);
}
