// The shipper's command line, as a table: parsing and --help come from here.

import { DAEMON_COMMANDS, DAEMON_OPTIONS, JSON_OPTION } from "../cli/daemon-table.ts";
import type { ToolSpec } from "../cli/table.ts";

export const COMMAND_LINE: ToolSpec = {
  name: "shipper",
  summary: "packs finished episodes and ships them to the receiver; loses none",
  about: ["Without a command it runs as a daemon (systemd: labfleet-shipper.service)."],
  commands: {
    "": { help: "run until SIGTERM", options: DAEMON_OPTIONS },
    once: { help: "ship what is there, then exit: 0 all shipped, 3 something was not" },
    status: { help: "what waits, what is under way, what was refused and why", options: JSON_OPTION },
    requeue: {
      operands: "<id>… | --all [--reason R]",
      maxOperands: Number.POSITIVE_INFINITY,
      help: "take refused episodes back into the queue",
      options: {
        all: { help: "every episode in quarantine" },
        reason: { value: "R", help: "with --all: only those refused for R" },
        as: {
          value: "ID",
          help: "with one <id>: ship it under this name, as where the collector has another episode of its own",
        },
      },
    },
    discard: {
      operands: "<id>… | --reason R | --shipped-unverified",
      maxOperands: Number.POSITIVE_INFINITY,
      help: "give up episodes that no receiver has: lists them, asks, removes them for ever",
      options: {
        reason: { value: "R", help: "those in quarantine that were refused for R" },
        "shipped-unverified": { help: "those in shipped/ that a receiver took and could not prove" },
        "older-than": { value: "DAYS", help: "with either: only those refused or shipped so many days ago" },
        yes: { help: "do not ask" },
      },
    },
    pin: {
      help: "whom this host trusts to judge its episodes, and who answers: 0 the same, 1 another, 3 nobody",
      options: { accept: { value: "ID", help: "trust this receiver from now on" }, ...JSON_OPTION },
    },
    ...DAEMON_COMMANDS,
  },
  options: {
    config: { value: "PATH", help: "configuration (default /etc/labfleet/lab-host.toml)" },
    "log-level": { value: "LEVEL", help: "error, warn, info (default) or debug" },
    verbose: { short: "v", help: "log everything: --log-level debug" },
  },
};
