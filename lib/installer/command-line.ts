// The installer's command line, as a table: parsing and --help come from here.

import type { CommandSpec, OptionSpec, ToolSpec } from "../cli/table.ts";

/** What may be said on the command line, in the environment or in a file (answers.ts), each by this name. */
export const ANSWERS: Record<string, OptionSpec & { value: string }> = {
  role: { value: "ROLE", help: "lab-host or collector (default: what this machine is already)" },
  host: { value: "NAME", help: "lab-host: its name in the fleet" },
  url: { value: "URL", help: "lab-host: where its collector is, such as https://collector.wg:8443" },
  "token-file": { value: "PATH", help: "lab-host: what receiver token add has printed" },
  code: { value: "CODE", help: "lab-host: what receiver enrol has made: this host makes its token by itself" },
  "ca-sha256": {
    value: "DIGEST",
    help: "lab-host: the fingerprint of its collector's authority, in place of --ca-bundle",
  },
  "ca-bundle": { value: "PATH", help: "lab-host: whom to trust to be the collector (PEM)" },
  "client-cert": { value: "PATH", help: "lab-host: its certificate (PEM), where the collector asks for one" },
  "client-key": { value: "PATH", help: "lab-host: the key of that (PEM)" },
  "trusted-network": {
    value: "yes|no",
    help: "lab-host: yes: nobody else can be on the way to it, as within WireGuard, so that http:// will do",
  },
  "data-root": { value: "PATH", help: "where data lie, if not below /var/lib/labfleet" },
  recorder: { value: "USER", help: "lab-host: who records: that user may make episodes (after the next login)" },
  "commit-file": {
    value: "PATH",
    help: "lab-host: whose first word says which commit records (default /opt/labfleet/VERSION)",
  },
  "keep-days": { value: "DAYS", help: "lab-host: how long what was shipped is kept here (default 7; 0: for ever)" },
  "take-over": {
    value: "yes|no",
    help: "yes: take the place of the Python fleet's programs here: their configuration, their data where they lie, and their units are stopped",
  },
  listen: { value: "ADDRESS", help: "collector: where hosts reach it (default 0.0.0.0:8443)" },
  name: {
    value: "NAMES",
    help: "collector: names and addresses by which hosts reach it, with commas: an authority of its own issues its certificate",
  },
  "accepted-commits": {
    value: "PATH",
    help: "collector: the file of the commits that it takes (default: any, or none)",
  },
  "tls-certificate": { value: "PATH", help: "collector: its certificate (PEM), in place of --name" },
  "tls-key": { value: "PATH", help: "collector: the key of that (PEM)" },
};

const OPTIONS: NonNullable<CommandSpec["options"]> = {
  bundle: {
    value: "PATH",
    help: "the release: its .tar, or its directory (default: what --url serves, else the one that runs)",
  },
  answers: { value: "FILE", help: "what is not said here: lines such as host=lab1, by the names of these options" },
  ...ANSWERS,
};

const DOES: NonNullable<CommandSpec["options"]> = {
  ...OPTIONS,
  force: { help: "go on where something that was found is red" },
  "no-test-episode": { help: "a lab host's first time: ship no episode to see whether it arrives" },
};

export const COMMAND_LINE: ToolSpec = {
  name: "installer",
  summary: "installs labfleet on this machine, brings it up to date, and takes it away",
  about: [
    "It shows first what it finds and what it would write and run, and changes nothing that somebody has edited.",
    "What was said before need not be said again; what is not said on the command line may stand in the environment",
    "(LABFLEET_HOST for --host).",
  ],
  commands: {
    "": { help: "show what is to be done, ask, and do it", options: DOES },
    plan: { help: "show the same, and change nothing", options: OPTIONS },
    apply: {
      help: "do it without a question: 0 done, 3 something stands in the way, or its test episode has not arrived",
      options: DOES,
    },
    status: { help: "what is installed here, and how its units are" },
    uninstall: {
      help: "take away what was installed; configuration and data stay",
      options: {
        purge: { help: "the configuration and the users, too; data never" },
        "dry-run": { help: "show what would go, and change nothing" },
        yes: { help: "do not ask" },
      },
    },
  },
  options: {
    "log-level": { value: "LEVEL", help: "error, warn, info (default) or debug" },
  },
};
