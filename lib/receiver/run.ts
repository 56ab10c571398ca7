// The receiver's command line: which command is done by whom.

import type { CommandLine } from "../cli/options.ts";
import { daemonCommands } from "../runtime/daemon-commands.ts";
import { type Call, type Commands, runTool } from "../runtime/tool.ts";
import { warnOfOpenDoors } from "./access/open-doors.ts";
import { BACKEND } from "./backend.ts";
import { enrolCommand } from "./commands/enrol.ts";
import { hostsCommand } from "./commands/hosts.ts";
import { identityCommand } from "./commands/identity.ts";
import { releaseAdd, releaseList } from "./commands/release.ts";
import { statusCommand } from "./commands/status.ts";
import { tokenAdd, tokenList, tokenRevoke } from "./commands/token.ts";
import { startReceiver } from "./daemon.ts";
import { readTls } from "./listen/tls-files.ts";
import { loadReceiverConfig } from "./load.ts";
import { addressOption, FIXED_SETTINGS, type ReceiverConfig } from "./settings.ts";

const COMMANDS: Commands = {
  ...daemonCommands<ReceiverConfig>({
    tool: "receiver",
    readConfig: readOverridden,
    placeOf: ({ dataRoot, runDir, drainTimeoutS }) => ({ dataRoot, runDir, drainTimeoutS }),
    fixed: FIXED_SETTINGS,
    async prepare(settings, { log }) {
      const config = settings.current();
      const tls = readTls(config.tls);
      await BACKEND.prepare(config.dataRoot);
      warnOfOpenDoors(config, log);
      return (context) => startReceiver(settings, tls, context);
    },
  }),
  status: async (call) => statusCommand(await loadReceiverConfig(call), wantsJson(call)),
  hosts: async (call) => {
    const how = { host: call.line.operands[0], json: wantsJson(call), log: call.log };
    return hostsCommand(await loadReceiverConfig(call), how);
  },
  identity: async (call) => identityCommand(await loadReceiverConfig(call), call.line),
  verify: BACKEND.verify,
  enrol: enrolCommand,
  "token add": tokenAdd,
  "token list": tokenList,
  "token revoke": tokenRevoke,
  "release add": releaseAdd,
  "release list": releaseList,
  // Loaded when it is asked for: a daemon makes no certificates.
  "certificate make": async (call) => (await import("./commands/certificate.ts")).certificateMake(call),
  "certificate renew": async (call) => (await import("./commands/certificate.ts")).certificateRenew(call),
};

/** Runs the receiver's command line; resolves with the exit code. */
export function runReceiver(line: CommandLine): Promise<number> {
  return runTool("receiver", COMMANDS, line);
}

function wantsJson({ line }: Call): boolean {
  return line.options.json === true;
}

/** The daemon's configuration: `--listen` holds whatever the file says, after a reload, too. */
async function readOverridden(call: Call): Promise<ReceiverConfig> {
  const { listen } = call.line.options;
  const override = typeof listen === "string" ? { listen: addressOption(listen) } : {};
  return { ...(await loadReceiverConfig(call)), ...override };
}
