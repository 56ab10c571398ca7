// How long this machine has been up, sleep included: CLOCK_BOOTTIME, as proc_uptime(5) gives it. It never jumps within a boot.

import { readFileSync } from "node:fs";

/** Seconds since the boot. */
export function readUptimeS(): number {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
}
