// Whether the clock is synchronised, as the kernel knows it (adjtimex(2)), or else as systemd says.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { byCommands, here } from "../../core/finding.ts";
import { run } from "../../os/process/exec.ts";
import type { Observation, Plugin, Seen } from "../plugin.ts";
import { type Limits, perf, statusOf } from "./thresholds.ts";

/** Seconds; `synchronised` is the absence of STA_UNSYNC. */
export interface KernelClock {
  synchronised: boolean;
  offsetS: number;
  maxErrorS: number;
}

const CLOCK_POLICY: Record<"offset", Limits> = {
  offset: { alert: "above", warning: 1, critical: 30, because: "episodes carry times; the receiver alarms at 120 s" },
};

/** An answer of timedated, which systemd may have to start first. */
const TIMEOUT_MS = 5000;

export interface ClockOptions {
  /** Null where the kernel cannot be asked. */
  kernel?: () => KernelClock | null;
  timedatectl?: readonly string[];
}

export function clock({ kernel = () => null, timedatectl = ["timedatectl"] }: ClockOptions = {}): Plugin {
  let root = "/";
  return {
    name: "clock",
    initialise(context) {
      root = context.root;
      if (kernel() !== null || hasSystemd(root)) return true;
      this.skipReason = "neither the kernel nor systemd can be asked whether the clock is synchronised";
      return false;
    },
    collect: async () => {
      const known = kernel();
      return [await (known === null ? asSystemdSays(root, timedatectl) : asKernelSays(known, root, timedatectl))];
    },
  };
}

function hasSystemd(root: string): boolean {
  return existsSync(join(root, "run/systemd/system"));
}

async function asKernelSays(known: KernelClock, root: string, timedatectl: readonly string[]): Promise<Seen> {
  const { synchronised, offsetS, maxErrorS } = known;
  const perfdata = [perf("offset", Math.abs(offsetS), "s", CLOCK_POLICY.offset), perf("max_error", maxErrorS, "s")];
  // The kernel does not know why: whether there is a service at all that should do it.
  if (!synchronised) return { ...((await isServiceOff(root, timedatectl)) ? NO_SERVICE : UNSYNCHRONISED), perfdata };
  return {
    status: statusOf(perfdata),
    message: `synchronised, offset ${offsetS.toFixed(6)} s, wrong by at most ${maxErrorS.toFixed(3)} s`,
    perfdata,
  };
}

async function asSystemdSays(root: string, timedatectl: readonly string[]): Promise<Seen> {
  // timesyncd leaves this file; it needs no other program, but chrony and ntpd do not write it.
  if (existsSync(join(root, "run/systemd/timesync/synchronized"))) return SYNCHRONISED;
  const result = await run([...timedatectl, "show", "-p", "NTPSynchronized", "-p", "NTP"], { timeoutMs: TIMEOUT_MS });
  if (result.kind === "failed") return { status: "unknown", message: `cannot ask for the clock: ${result.why}` };
  const answer = /^NTPSynchronized=(yes|no)$/m.exec(result.stdout)?.[1];
  if (answer === "yes") return SYNCHRONISED;
  if (answer === undefined) {
    const why = result.stderr.trim().split("\n")[0] || `it ended with code ${result.code}`;
    return { status: "unknown", message: `timedatectl does not say whether the clock is synchronised: ${why}` };
  }
  return NTP_OFF.test(result.stdout) ? NO_SERVICE : UNSYNCHRONISED;
}

async function isServiceOff(root: string, timedatectl: readonly string[]): Promise<boolean> {
  if (!hasSystemd(root)) return false;
  const result = await run([...timedatectl, "show", "-p", "NTP"], { timeoutMs: TIMEOUT_MS });
  return result.kind !== "failed" && NTP_OFF.test(result.stdout);
}

const NTP_OFF = /^NTP=no$/m;

const SYNCHRONISED: Observation = { status: "ok", message: "synchronised" };
const NO_SERVICE: Seen = {
  status: "warning",
  message: "no service keeps the clock right",
  fix: byCommands(here("sudo", "timedatectl", "set-ntp", "true")),
};
const UNSYNCHRONISED: Observation = {
  status: "warning",
  message: "not synchronised: timedatectl timesync-status (or chronyc tracking) shows why",
};
