// Talks to systemd in a few verbs (sd_notify(3)). Without NOTIFY_SOCKET they do nothing, so a run by hand needs no flags.

import { monotonicUsec } from "./clock-calls.ts";
import { sendUnixDatagram } from "./socket-calls.ts";

const EAGAIN = 11;

export interface Notifier {
  ready(): void;
  stopping(): void;
  /** The configuration is read anew; `ready` ends it. */
  reloading(): void;
  /** Asks for `seconds` from now before a time-out counts; it never shortens what the unit grants. */
  extend(seconds: number): void;
  /** One line for `systemctl status`; sent only when it changed. */
  status(line: string): void;
  watchdog(): void;
  /** How often WATCHDOG=1 is due, in milliseconds: half of WATCHDOG_USEC. Null: no watchdog asked for. */
  readonly watchdogEveryMs: number | null;
  /** Why the last message did not arrive, or null. */
  readonly failure: string | null;
}

/**
 * Takes NOTIFY_SOCKET and WATCHDOG_* out of `env`, so that no child inherits them, and returns the verbs.
 * @param pid WATCHDOG_USEC counts only if WATCHDOG_PID is this process (sd_watchdog_enabled(3))
 */
export function createNotifier(env: Record<string, string | undefined>, pid: number): Notifier {
  const address = env.NOTIFY_SOCKET ?? "";
  const watchdogEveryMs = watchdogInterval(env, pid);
  for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete env[name];
  let lastStatus = "";
  let failure: string | null = null;
  const send = (message: string): void => {
    if (!/^[/@]./.test(address)) return;
    let code = sendUnixDatagram(address, message);
    // systemd's receive queue is short; what it has not taken now it takes in a moment.
    for (let tries = 0; code === EAGAIN && tries < 20; tries++) {
      Bun.sleepSync(5);
      code = sendUnixDatagram(address, message);
    }
    failure = code === 0 ? null : `cannot notify systemd at ${address}: errno ${code}`;
  };
  return {
    ready: () => send("READY=1"),
    stopping: () => send("STOPPING=1"),
    reloading: () => send(`RELOADING=1\nMONOTONIC_USEC=${monotonicUsec()}`),
    extend: (seconds) => send(`EXTEND_TIMEOUT_USEC=${Math.round(seconds * 1e6)}`),
    watchdog: () => send("WATCHDOG=1"),
    status(line) {
      const oneLine = line.replace(/\s+/g, " ");
      if (oneLine !== lastStatus) send(`STATUS=${oneLine}`);
      lastStatus = oneLine;
    },
    watchdogEveryMs,
    get failure() {
      return failure;
    },
  };
}

function watchdogInterval(env: Record<string, string | undefined>, pid: number): number | null {
  const usec = Number(env.WATCHDOG_USEC ?? "");
  const forUs = env.WATCHDOG_PID === undefined || env.WATCHDOG_PID === "" || Number(env.WATCHDOG_PID) === pid;
  return forUs && Number.isFinite(usec) && usec > 0 ? usec / 2000 : null;
}
