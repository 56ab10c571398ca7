// How long a stop may take. The one source for the daemons' drain, for TimeoutStopSec= in the units, for the
// installer's check and for doctor's. Pure.

/** What a daemon needs after its drain has ended or was cut short: state written, sockets closed, seconds. */
const CLEANUP_S = 10;

/** What systemd must grant beyond the budget, seconds: below it a SIGKILL could hit the clean-up. */
const HEADROOM_S = 30;

export interface StopBudget {
  /** Work in flight may go on for so long after SIGTERM, seconds. */
  drainS: number;
  /** The process is gone after so long at the latest, seconds. */
  totalS: number;
  /** The least TimeoutStopSec= that never cuts a clean stop short, seconds. */
  timeoutStopS: number;
}

/** The stop budget of a daemon that drains for at most `drainS` seconds (≥ 0). */
export function stopBudget(drainS: number): StopBudget {
  const totalS = drainS + CLEANUP_S;
  return { drainS, totalS, timeoutStopS: totalS + HEADROOM_S };
}
