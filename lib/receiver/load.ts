// The receiver's configuration, as its command line names it.

import { loadConfig } from "../runtime/config/config-file.ts";
import type { Call } from "../runtime/tool.ts";
import type { ReceiverConfig } from "./settings.ts";

/**
 * Reads and checks the configuration.
 * @throws UserError when it cannot be read or is wrong
 */
export function loadReceiverConfig(call: Call): Promise<ReceiverConfig> {
  return loadConfig("receiver", call);
}
