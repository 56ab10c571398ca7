// What a configuration leaves open, or closed to everybody: said once, at the start.

import { existsSync } from "node:fs";
import { byCommands, here, inWords } from "../../core/finding.ts";
import { othersMay } from "../../os/files/access.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { ReceiverConfig } from "../settings.ts";
import { openToOthers } from "./auth.ts";

/** Warns of who may store, or read what nobody else may, that was hardly meant to. */
export function warnOfOpenDoors(config: ReceiverConfig, log: Log): void {
  if (!config.requireToken && (config.tls?.clientCa ?? null) === null) {
    log.warn(
      "neither tokens nor client certificates are asked for: everyone who reaches this port may store episodes under any host's name",
    );
  }
  const key = config.tls?.key ?? null;
  const mayRead = key === null ? null : othersMay(key);
  if (key !== null && mayRead?.read === true)
    log.warn({
      what: `${key} holds tls.key and can be read by every user of this machine (mode ${mayRead.mode})`,
      fix: byCommands(here("sudo", "chmod", "o-rw", key)),
    });
  if (!config.requireToken) return;
  const open = openToOthers(config.tokensDir);
  if (open !== null) log.warn(open);
  if (!existsSync(config.tokensDir))
    log.warn({
      what: `${config.tokensDir} does not exist: no host can ship`,
      fix: inWords("sudo receiver token add <host>"),
    });
}
