// How a check is ended: SIGTERM, grace, SIGKILL, each to all of it (signal(7), kill(2)).

import type { CheckCgroup } from "./check-cgroup.ts";

/** A process that SIGKILL has not ended after so long is given up, milliseconds. */
const GIVE_UP_MS = 800;

interface Climb {
  timeoutMs: number;
  graceMs: number;
  signal?: AbortSignal;
}

/** SIGTERM, grace, SIGKILL, and then no more waiting; climbed at the deadline or when the check is cancelled. */
export class Ladder {
  cause: "timed_out" | "cancelled" | null = null;
  /** Resolves to false when SIGKILL has done nothing. */
  readonly givenUp: Promise<false>;
  readonly #giveUp: () => void;
  #timer: ReturnType<typeof setTimeout>;
  readonly #onAbort = (): void => this.#climb("cancelled");

  constructor(
    private readonly pid: number,
    private readonly cgroup: CheckCgroup | null,
    private readonly options: Climb,
  ) {
    const { promise, resolve } = Promise.withResolvers<false>();
    this.givenUp = promise;
    this.#giveUp = () => resolve(false);
    this.#timer = setTimeout(() => this.#climb("timed_out"), options.timeoutMs);
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  #climb(cause: "timed_out" | "cancelled"): void {
    if (this.cause !== null) return;
    this.cause = cause;
    clearTimeout(this.#timer);
    signalGroup(this.pid, "SIGTERM");
    this.#timer = setTimeout(() => this.#kill(), this.options.graceMs);
  }

  #kill(): void {
    this.cgroup?.kill();
    signalGroup(this.pid, "SIGKILL");
    this.#timer = setTimeout(this.#giveUp, GIVE_UP_MS);
  }

  /** The check is over: nothing more is sent. */
  end(): void {
    clearTimeout(this.#timer);
    this.options.signal?.removeEventListener("abort", this.#onAbort);
  }
}

function signalGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it, or nobody in it is ours.
  }
}
