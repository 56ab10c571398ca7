// The installer's command line: which command is done by whom.

import type { CommandLine } from "../cli/options.ts";
import { type Commands, runTool } from "../runtime/tool.ts";
import { installCommand, planCommand } from "./commands/install.ts";
import { statusCommand } from "./commands/status.ts";
import { uninstallCommand } from "./commands/uninstall.ts";
import { refusedByMachine } from "./machine-refusal.ts";

const COMMANDS: Commands = {
  "": ({ line }) => installCommand(line, true),
  plan: ({ line }) => planCommand(line),
  apply: ({ line }) => installCommand(line, false),
  status: () => statusCommand(),
  uninstall: ({ line }) => uninstallCommand(line),
};

/** Runs the installer's command line; resolves with the exit code. */
export async function runInstaller(line: CommandLine): Promise<number> {
  try {
    return await runTool("installer", COMMANDS, line);
  } catch (error) {
    throw refusedByMachine(error);
  }
}
