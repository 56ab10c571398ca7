// The agent's command line, as a table: parsing and --help come from here.

import { DAEMON_COMMANDS, DAEMON_OPTIONS, JSON_OPTION } from "../cli/daemon-table.ts";
import type { ToolSpec } from "../cli/table.ts";

export const COMMAND_LINE: ToolSpec = {
  name: "heartbeat",
  summary: "runs this host's checks and tells the receiver what they say",
  about: ["Without a command it runs as a daemon (systemd: labfleet-heartbeat.service)."],
  commands: {
    "": { help: "collect and report until SIGTERM", options: DAEMON_OPTIONS },
    once: {
      help: "collect once, print it, send it: 0 sent, 3 not sent",
      options: { ...JSON_OPTION, "no-send": { help: "send nothing" } },
    },
    status: {
      help: "whether it runs, what it saw last, what arrives and what waits",
      options: JSON_OPTION,
    },
    plugins: { help: "which plugins are loaded, skipped or failed, and why", options: JSON_OPTION },
    ...DAEMON_COMMANDS,
  },
  options: {
    config: { value: "PATH", help: "configuration (default /etc/labfleet/lab-host.toml)" },
    "log-level": { value: "LEVEL", help: "error, warn, info (default) or debug" },
    verbose: { short: "v", help: "log everything, as --log-level debug" },
    debug: { short: "x", help: "the same" },
  },
};
