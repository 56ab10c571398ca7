// `receiver certificate …`: the collector's own certificate and authority, without another program. What makes certificates is loaded by
// these commands alone: run.ts imports this file when one of them is asked for.

import { EXIT } from "../../core/exit.ts";
import { UserError } from "../../core/failure.ts";
import { TOOLS } from "../../core/tools.ts";
import { print } from "../../os/answer.ts";
import type { Call } from "../../runtime/tool.ts";
import { makeCertificate } from "../certificate/make.ts";
import { type Places, placesOf } from "../certificate/places.ts";
import { renewCertificate } from "../certificate/renew.ts";
import { loadReceiverConfig } from "../load.ts";

/** `certificate make <name>…` @throws UserError: see `makeCertificate` */
export async function certificateMake(call: Call): Promise<number> {
  const names = call.line.operands;
  if (names.length === 0)
    throw new UserError(
      "certificate make: name the collector as its hosts do",
      "receiver certificate make collector.wg 10.77.0.11",
    );
  return tell(await makeCertificate(await places(call), names, Date.now()));
}

/** `certificate renew` @throws UserError: see `renewCertificate` */
export async function certificateRenew(call: Call): Promise<number> {
  return tell(await renewCertificate(await places(call), Date.now()));
}

async function places(call: Call): Promise<Places> {
  const { config = TOOLS.receiver.config.file } = call.line.options;
  return placesOf((await loadReceiverConfig(call)).tls, String(config));
}

async function tell(lines: readonly string[]): Promise<number> {
  await print(lines.map((line) => `${line}\n`).join(""));
  return EXIT.ok;
}
