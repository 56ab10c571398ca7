// Since when the host runs, and which boot this is. It never alerts: the receiver sees a restart by the boot's name.

import { kernelBootId } from "../../core/linux/boot.ts";
import { isUnreadable } from "../../core/reading.ts";
import { formatSeconds } from "../../core/text/quantity.ts";
import { bootId, readParsed } from "../../os/process/proc.ts";
import type { Observation, Plugin } from "../plugin.ts";
import { perf } from "./thresholds.ts";

export function uptime(): Plugin {
  let root = "/";
  return {
    name: "uptime",
    initialise: (context) => {
      root = context.root;
      return true;
    },
    collect: () => [uptimeOf(root)],
  };
}

function uptimeOf(root: string): Observation {
  const seconds = readParsed(root, "proc/uptime", parseUptime);
  if (isUnreadable(seconds)) return { status: "unknown", message: `cannot read /proc/uptime: ${seconds.unreadable}` };
  const boot = bootId(root);
  const named = isUnreadable(boot) ? `its boot id cannot be read: ${boot.unreadable}` : `boot ${kernelBootId(boot)}`;
  return {
    status: "ok",
    message: `up ${formatSeconds(Math.floor(seconds))}, ${named}`,
    perfdata: [perf("uptime", seconds, "s")],
  };
}

function parseUptime(text: string): number | null {
  const seconds = Number(text.split(" ")[0] || Number.NaN);
  return Number.isFinite(seconds) ? seconds : null;
}
