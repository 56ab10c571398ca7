// How a check is ended: SIGTERM, grace, SIGKILL, each to all of it (signal(7), kill(2)).

import type { CheckCgroup } from "./cgroup.ts";
import { CHECK_TIMING_MS } from "./timing.ts";

interface Climb {
  timeoutMs: number;
  graceMs: number;
  /** The grace after a cancellation, where that is shorter. */
  cancelGraceMs?: number;
  signal?: AbortSignal;
}

/** Checks that run. Whichever way we exit, in good order or not, none of them outlives us. */
const climbers = new Set<Ladder>();
let exitIsWatched = false;

/** SIGTERM, grace, SIGKILL, and then no more waiting; climbed at the deadline or when the check is cancelled. */
export class Ladder {
  cause: "timed_out" | "cancelled" | null = null;
  /** Resolves to false when SIGKILL has done nothing. */
  readonly givenUp: Promise<false>;
  readonly #giveUp: () => void;
  #timer: ReturnType<typeof setTimeout>;
  /** When SIGKILL comes, by the clock of performance.now(); null before SIGTERM, and once it was sent. */
  #killAtMs: number | null = null;
  readonly #onAbort = (): void => this.#cancel();

  constructor(
    private readonly pid: number,
    private readonly cgroup: CheckCgroup | null,
    private readonly options: Climb,
  ) {
    const { promise, resolve } = Promise.withResolvers<false>();
    this.givenUp = promise;
    this.#giveUp = () => resolve(false);
    this.#timer = setTimeout(() => this.#climb("timed_out", options.graceMs), options.timeoutMs);
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    climbers.add(this);
    if (!exitIsWatched) process.once("exit", killClimbers);
    exitIsWatched = true;
  }

  #climb(cause: "timed_out" | "cancelled", graceMs: number): void {
    this.cause = cause;
    signalGroup(this.pid, "SIGTERM");
    this.#killIn(graceMs);
  }

  /** One that has timed out already keeps its cause, and no more of its grace than others get. */
  #cancel(): void {
    const { graceMs, cancelGraceMs = graceMs } = this.options;
    const shortMs = Math.min(graceMs, cancelGraceMs);
    if (this.cause === null) this.#climb("cancelled", shortMs);
    else if (this.#killAtMs !== null && this.#killAtMs - performance.now() > shortMs) this.#killIn(shortMs);
  }

  #killIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#killAtMs = performance.now() + ms;
    this.#timer = setTimeout(() => {
      this.#killAtMs = null;
      this.kill();
      this.#timer = setTimeout(this.#giveUp, CHECK_TIMING_MS.giveUp);
    }, ms);
  }

  /** SIGKILL to all of it, now. */
  kill(): void {
    this.cgroup?.kill();
    signalGroup(this.pid, "SIGKILL");
  }

  /** The check is over: nothing more is sent. */
  end(): void {
    clearTimeout(this.#timer);
    this.options.signal?.removeEventListener("abort", this.#onAbort);
    climbers.delete(this);
  }
}

function killClimbers(): void {
  for (const ladder of climbers) ladder.kill();
}

function signalGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it, or nobody in it is ours.
  }
}
