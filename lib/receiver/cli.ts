// The receiver's command line: which commands there are, and who does them.

import type { CommandLine, ToolSpec } from "../cli/options.ts";
import { DEFAULT_CONFIG_PATH } from "./config.ts";
import { serve } from "./run.ts";

const JSON_OPTION = { json: { help: "as one JSON object" } };

export const SPEC: ToolSpec = {
  name: "receiver",
  summary: "takes the fleet's episodes, proves them and indexes them",
  about: ["Without a command it serves until it is told to stop."],
  commands: {
    "": {
      help: "serve",
      options: { listen: { value: "ADDRESS:PORT", help: "listen here instead of where the config says" } },
    },
  },
  options: {
    config: { value: "PATH", help: `configuration file (default ${DEFAULT_CONFIG_PATH})` },
    "log-level": { value: "LEVEL", help: "error, warn, info or debug (default info)" },
  },
};

/** Does what the command line says; resolves with the exit code. */
export async function run(line: CommandLine): Promise<number> {
  return serve(line);
}
void JSON_OPTION;
