// The part of the command line that all daemons share, as tables for parsing and --help.

import type { CommandSpec, OptionSpec } from "./table.ts";

/** Of every command whose answer a person reads as a table. */
export const JSON_OPTION: Record<string, OptionSpec> = { json: { help: "print JSON, for programs" } };

/** Options of a daemon's own run, the command "". */
export const DAEMON_OPTIONS: Record<string, OptionSpec> = {
  replace: { help: "take the place of one that runs: it stops first, within its stop budget" },
  daemon: { help: "run in the background and log to syslog, for hosts without systemd" },
};

/** Of every tool that has a configuration. */
export const CONFIG_COMMANDS: Record<string, CommandSpec> = {
  "config test": { help: "read the configuration, as this user can, and change nothing: 0 it is good, 2 it is not" },
};

/** Commands that every daemon has. */
export const DAEMON_COMMANDS: Record<string, CommandSpec> = {
  ...CONFIG_COMMANDS,
  stop: {
    help: "stop one that runs, where systemd does not do it, and wait for it",
    options: { reason: { value: "TEXT", help: "written down with the stop" } },
  },
  diagnostic: {
    help: "a report on this machine: processes, load, memory, kills (no command lines)",
    options: {
      save: { value: "DIR", help: "write it there instead of printing it" },
      "run-id": { value: "ID", help: "with --save: names the report" },
      pid: { value: "N", help: "the process that it is about" },
      cause: { value: "TEXT", help: "what happened to it" },
      cgroup: { value: "PATH", help: "the cgroup whose processes are listed" },
    },
  },
  "post-stop": { help: "for ExecStopPost= in the unit: write down how the daemon ended" },
};
