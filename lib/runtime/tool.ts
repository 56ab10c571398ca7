// The frame of a tool: which command is done by whom, and what each is given. It asks for no configuration, unit or lock: a
// command of its own needs nothing else, and what a daemon has besides is in daemon-commands.ts.

import type { CommandLine } from "../cli/options.ts";
import { readerOf, type ToolName } from "../core/tools.ts";
import { type Log, openLog, readLogLevel } from "./log/log.ts";

/** What a command is given. */
export interface Call {
  readonly line: CommandLine;
  /** Opened when it is first asked for: not every command has one. */
  readonly log: Log;
}

/** Does what a command line says; resolves with the exit code. */
export type Command = (call: Call) => Promise<number>;

/** The commands of a tool, by the names that its command line has for them; "" is the tool without one. */
export type Commands = Readonly<Record<string, Command>>;

/** Runs the command that `line` names; resolves with the exit code. */
export function runTool(tool: ToolName, commands: Commands, line: CommandLine): Promise<number> {
  const command = commands[line.command];
  if (command === undefined) throw new Error(`nobody does "${line.command}" of ${tool}`);
  let log: Log | null = null;
  return command({
    line,
    get log() {
      log ??= openLog(tool, readLogLevel(line.options), { reader: readerOf(tool) });
      return log;
    },
  });
}
