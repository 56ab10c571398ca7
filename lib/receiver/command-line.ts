// The receiver's command line, as a table: parsing and --help come from here.

import { DAEMON_COMMANDS, DAEMON_OPTIONS, JSON_OPTION } from "../cli/daemon-table.ts";
import type { ToolSpec } from "../cli/table.ts";

export const COMMAND_LINE: ToolSpec = {
  name: "receiver",
  summary: "takes the fleet's episodes, proves them and indexes them",
  about: ["Without a command it serves until it is told to stop."],
  commands: {
    "": {
      help: "serve",
      options: {
        listen: { value: "ADDRESS:PORT", help: "listen here, whatever the config says" },
        ...DAEMON_OPTIONS,
      },
    },
    status: { help: "whether it runs, where it listens, how its last run ended", options: JSON_OPTION },
    hosts: {
      operands: "[<host>]",
      maxOperands: 1,
      help: "what the hosts last said: age of the heartbeat, worst status, what is wrong",
      options: JSON_OPTION,
    },
    verify: {
      help: "read every stored episode again and compare it with the index; exit 1 if anything is wrong",
      options: {
        ...JSON_OPTION,
        deep: { help: "also unpack: is it an archive, and the one its tree digest names?" },
        repair: { help: "add and correct rows, move strangers and damaged files aside; deletes nothing" },
      },
    },
    identity: {
      help: "the id by which hosts know this store, wherever it runs",
      options: {
        ...JSON_OPTION,
        succeeds: {
          value: "ID",
          help: "the store also follows that one, which moved here: its hosts go on by themselves",
        },
        forget: { value: "ID", help: "it no longer follows that one" },
        use: { value: "ID", help: "where its own files cannot tell: it is this one" },
        new: { help: "it is another store from now on, which every host must accept" },
      },
    },
    enrol: {
      help: "make a code with which a new host gets its token, and print the line to run there",
      options: {
        host: { value: "NAME", help: "for that host alone (default: any host that is new)" },
        for: { value: "DURATION", help: "for so long (default 1h)" },
        replace: { help: "also where there is a host of that name: this machine takes its place" },
        url: { value: "URL", help: "where hosts reach this collector (default: the first name in its certificate)" },
      },
    },
    "token add": { operands: "<host>", maxOperands: 1, help: "make a token for a host and print it once" },
    "token list": { help: "the tokens of each host: when each was added, and last used", options: JSON_OPTION },
    "token revoke": {
      operands: "<host>",
      maxOperands: 1,
      help: "make tokens of a host invalid, at once",
      options: {
        token: { value: "ID", help: "the one that token list calls so" },
        oldest: { help: "the one that was added first" },
        all: { help: "all of them" },
      },
    },
    "release add": {
      operands: "<file>",
      maxOperands: 1,
      help: "serve a release to hosts: its .tar, or its directory",
      options: { force: { help: "also one that is older than the one that is served" } },
    },
    "release list": { help: "the releases that are here, and which is served", options: JSON_OPTION },
    "certificate make": {
      operands: "<name>…",
      maxOperands: Number.POSITIVE_INFINITY,
      help: "an authority of your own, and its certificate for this collector, by the names that hosts call it",
    },
    "certificate renew": { help: "the same certificate with a new end, by the authority that make has made" },
    ...DAEMON_COMMANDS,
  },
  options: {
    config: { value: "PATH", help: "configuration file (default /etc/labfleet/collector.toml)" },
    "log-level": { value: "LEVEL", help: "error, warn, info or debug (default info)" },
    verbose: { short: "v", help: "log everything: --log-level debug" },
  },
};
