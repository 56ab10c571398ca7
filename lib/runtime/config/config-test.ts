// `config test`: whether a tool would start with this configuration, asked before it is started anew.

import { EXIT } from "../../core/exit.ts";
import type { ServiceName } from "../../core/tools.ts";
import { print } from "../../os/answer.ts";
import type { Call } from "../tool.ts";
import { configFile } from "./config-file.ts";

/** What is odd in it is logged by whoever reads it. @throws UserError (exit 2): it is not good */
export async function configTest(
  tool: ServiceName,
  call: Call,
  readConfig: (call: Call) => Promise<unknown>,
): Promise<number> {
  await readConfig(call);
  await print(`${configFile(tool, call.line)} is good\n`);
  return EXIT.ok;
}
