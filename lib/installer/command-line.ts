// The installer's command line, as a table: parsing and --help come from here.

import type { CommandSpec, ToolSpec } from "../cli/table.ts";

const ANSWERS: NonNullable<CommandSpec["options"]> = {
  from: { value: "PATH", help: "the release: what bun run release has made, its directory or its .tar" },
  role: { value: "ROLE", help: "host or collector (default: what this machine is already)" },
  host: { value: "NAME", help: "host: its name in the fleet" },
  url: { value: "URL", help: "host: where its collector is, such as https://collector.wg:8443" },
  "token-file": { value: "PATH", help: "host: what receiver token add has printed" },
  "ca-bundle": { value: "PATH", help: "host: whom to trust to be the collector (PEM)" },
  listen: { value: "ADDRESS", help: "collector: where hosts reach it (default 0.0.0.0:8443)" },
  "tls-certificate": { value: "PATH", help: "collector: its certificate (PEM)" },
  "tls-key": { value: "PATH", help: "collector: the key of that (PEM)" },
};

export const COMMAND_LINE: ToolSpec = {
  name: "installer",
  summary: "installs labfleet on this machine, brings it up to date, and takes it away",
  about: [
    "It shows first what it finds and what it would write and run, and changes nothing that somebody has edited.",
    "What was said before need not be said again.",
  ],
  commands: {
    "": {
      help: "install: 0 done, 3 something stands in the way",
      options: {
        ...ANSWERS,
        yes: { help: "do not ask" },
        force: { help: "go on where something that was found is red" },
      },
    },
    plan: { help: "show the same, and change nothing", options: ANSWERS },
    uninstall: {
      help: "take away what was installed; configuration and data stay",
      options: {
        purge: { help: "the configuration and the users, too; data never" },
        yes: { help: "do not ask" },
      },
    },
  },
  options: {
    "log-level": { value: "LEVEL", help: "error, warn, info (default) or debug" },
  },
};
