// The health check's command line, as a table: parsing and --help come from here.

import { CONFIG_COMMANDS, JSON_OPTION } from "../cli/daemon-table.ts";
import type { OptionSpec, ToolSpec } from "../cli/table.ts";

/** Those of the Python fleet's check, with its names. */
const REFERENCE_OPTIONS: Record<string, OptionSpec> = {
  "index-path": { value: "PATH", help: "the index of stored episodes (default <data_root>/index.jsonl)" },
  "alerts-path": { value: "PATH", help: "where alerts are appended (default <data_root>/alerts.jsonl)" },
  "lookback-hours": { value: "N", help: "a host that shipped within so many hours may be silent (default 24)" },
  "silent-threshold-min": { value: "N", help: "silent: it shipped nothing for more than so many minutes (default 30)" },
  "recent-window-min": { value: "N", help: "refusals of so many minutes count (default 30)" },
  "fatal-ratio-threshold": { value: "X", help: "fatal-only: the share of refusals, 0 to 1 (default 0.95)" },
  "fatal-min-count": { value: "N", help: "fatal-only, unstamped: so many at least (default 10)" },
};

const STATE_OPTION: Record<string, OptionSpec> = {
  "state-path": { value: "DIR", help: "what a run leaves for the next one (default <data_root>/fleet-health)" },
};

export const COMMAND_LINE: ToolSpec = {
  name: "fleet-health",
  summary: "finds hosts that are silent, refused throughout, or ship without a commit",
  about: ["Without a command it looks once (systemd: labfleet-fleet-health.timer)."],
  commands: {
    "": {
      help: "look once: appends new alerts, exits 0 with alerts or without",
      options: {
        ...REFERENCE_OPTIONS,
        "attempts-dir": { value: "DIR", help: "what became of each upload (default attempts beside the index)" },
        "journal-unit": { value: "NAME", help: "the unit whose journal tells that instead, of a Python receiver" },
        "state-path": {
          value: "DIR",
          help: "what a run leaves for the next one (default fleet-health beside the index)",
        },
        now: { value: "TIME", help: "judge as of then; nothing is written but to --state-path and --alerts-path" },
        ...JSON_OPTION,
      },
    },
    ...CONFIG_COMMANDS,
    status: {
      help: "how the fleet stands: what is wrong with whom and since when, and what mends it",
      options: { ...STATE_OPTION, ...JSON_OPTION, all: { help: "also the hosts that are well" } },
    },
    silence: {
      operands: "[<host>]",
      maxOperands: 1,
      help: "tell nothing of a host, of all, or of this collector for some time, but the end of what was told before; what still stands afterwards is told then",
      options: {
        for: { value: "DURATION", help: "for so long, such as 2h, 90min or 14d" },
        reason: { value: "TEXT", help: "why: whoever looks at it sees it" },
        symptom: { value: "NAME", help: "this one alone, such as silent" },
        all: { help: "of every host, as when the whole lab is switched off" },
        collector: { help: "of this collector itself" },
        end: { help: "tell it again from now on" },
        ...STATE_OPTION,
      },
    },
    silences: { help: "what is silenced, and for how long", options: { ...STATE_OPTION, ...JSON_OPTION } },
    "notify-test": {
      operands: "[<channel>]",
      maxOperands: 1,
      help: "tell a channel, or each of them, that this is a test, as the user of the unit: 0 taken, 3 not",
    },
    retire: {
      operands: "<host>",
      maxOperands: 1,
      help: "watch a host no more, unless it ships again",
      options: { undo: { help: "watch it again" }, ...STATE_OPTION },
    },
  },
  options: {
    config: { value: "PATH", help: "configuration file (default /etc/labfleet/collector.toml)" },
    "log-level": { value: "LEVEL", help: "error, warn, info or debug (default info)" },
    verbose: { short: "v", help: "log everything: --log-level debug" },
  },
};
