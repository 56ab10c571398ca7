// The shipper's command line: which command is done by whom.

import type { CommandLine } from "../cli/options.ts";
import { sayStartRemarks } from "../client/start-remarks.ts";
import { type Dirs, dataDirs } from "../contract/places.ts";
import { missingRoot } from "../contract/shipper-words.ts";
import { EXIT } from "../core/exit.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { unitCommand } from "../core/linux/unit-fix.ts";
import { quoted } from "../core/text/fields.ts";
import { print } from "../os/answer.ts";
import { lockHolder } from "../os/files/lock.ts";
import { refusedFix } from "../os/process/as-typed.ts";
import { configFile, loadConfig } from "../runtime/config/config-file.ts";
import { daemonCommands } from "../runtime/daemon-commands.ts";
import { type Call, type Commands, runTool } from "../runtime/tool.ts";
import { discardEpisodes } from "./commands/discard.ts";
import { pinCommand } from "./commands/pin.ts";
import { requeueEpisodes } from "./commands/requeue.ts";
import { startDaemon } from "./daemon.ts";
import { makeDataDirs } from "./data-root.ts";
import { shipOnce } from "./once.ts";
import { FIXED_SETTINGS, type ShipperConfig } from "./settings.ts";
import { readStatus } from "./status/status.ts";
import { renderStatus } from "./status/status-text.ts";

const readConfig = (call: Call): Promise<ShipperConfig> => loadConfig("shipper", call);

const COMMANDS: Commands = {
  ...daemonCommands<ShipperConfig>({
    tool: "shipper",
    readConfig,
    placeOf: ({ dataRoot, runDir, drainTimeoutS }) => ({ dataRoot, runDir, drainTimeoutS }),
    fixed: FIXED_SETTINGS,
    async prepare(settings, call) {
      const config = settings.current();
      const dirs = dataDirs(config.dataRoot);
      await makeDataDirs(config, dirs, call.log);
      void sayOddities(config, call);
      return (context) => startDaemon(settings, dirs, context);
    },
  }),
  once: async (call) => {
    const config = await readConfig(call);
    await sayOddities(config, call);
    return shipOnce(config, dataDirs(config.dataRoot), call.log);
  },
  status: inDataRoot("read", (config, dirs, { line }) => printStatus(config, dirs, line.options.json === true)),
  requeue: inDataRoot("work in", (_, dirs, { line, log }) => requeueEpisodes(dirs, line, log)),
  discard: inDataRoot("work in", (config, dirs, { line, log }) => discardEpisodes(config, dirs, line, log)),
  pin: async (call) => pinCommand(await readConfig(call), call.line),
};

/** Runs the shipper's command line; resolves with the exit code. */
export function runShipper(line: CommandLine): Promise<number> {
  return runTool("shipper", COMMANDS, line);
}

function sayOddities({ hostId, receiver }: ShipperConfig, { line, log }: Call): Promise<void> {
  return sayStartRemarks({ hostId, receiver, configFile: configFile("shipper", line) }, log.warn);
}

async function printStatus(config: ShipperConfig, dirs: Dirs, json: boolean): Promise<number> {
  const status = await readStatus(config, dirs);
  await print(`${json ? JSON.stringify(status, null, 2) : renderStatus(status)}\n`);
  return EXIT.ok;
}

/** A command by hand, perhaps by somebody who may not, or before there is anything. */
function inDataRoot(
  doWhat: string,
  work: (config: ShipperConfig, dirs: Dirs, call: Call) => Promise<number>,
): (call: Call) => Promise<number> {
  return async (call) => {
    const config = await readConfig(call);
    try {
      return await work(config, dataDirs(config.dataRoot), call);
    } catch (error) {
      throw errorCode(error) === null ? error : dataRootError(doWhat, config, error);
    }
  };
}

function dataRootError(doWhat: string, { dataRoot, runDir }: ShipperConfig, error: unknown): UserError {
  const code = errorCode(error);
  const pid = code === "ENOENT" ? lockHolder({ tool: "shipper", dataRoot, runDir }) : null;
  if (pid !== null) {
    const { what, fix } = missingRoot(pid, dataRoot);
    return new UserError(what, fix);
  }
  return new UserError(
    `cannot ${doWhat} the data root: ${quoted(errorText(error))}`,
    code === "ENOENT" ? { text: "start it once", commands: [unitCommand("shipper", "start")] } : refusedFix(code),
  );
}
