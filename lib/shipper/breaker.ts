// The circuit breaker: stops the whole queue while the fault is not the episodes'. Closed, it lets `transfers` uploads go
// side by side; open, it waits, then lets one go ahead and see.

import { backoffSeconds } from "../core/backoff.ts";
import { quoted } from "../core/fields.ts";
import type { Log } from "../runtime/log.ts";

export interface Pause {
  /** `misconfigured`: we are; `failing`: several episodes in a row could not be sent, so the fault is hardly theirs. */
  kind: "misconfigured" | "failing";
  reason: string;
  detail: string;
  failures: number;
  /** On the engine's clock, milliseconds. */
  untilMs: number;
}

export interface FailureFacts {
  reason: string;
  detail: string;
  retryAfterS: number | null;
}

/** So many failed sends in a row open the breaker. One bad episode among good ones never does. */
const FAILING_STREAK = 3;

export class Breaker {
  pause: Pause | null = null;
  private streak = 0;

  /** @param later when a wait of so many seconds is over, on the engine's clock */
  constructor(
    private readonly schedule: () => readonly number[],
    private readonly random: () => number,
    private readonly later: (seconds: number) => number,
    private readonly log: Log,
  ) {}

  /** Whether one more upload may start beside `uploads`. */
  maySend(uploads: number, transfers: number, nowMs: number): boolean {
    if (this.pause === null) return uploads < transfers;
    return uploads === 0 && nowMs >= this.pause.untilMs;
  }

  /** We are at fault, and every episode would be answered the same. */
  misconfigured(why: FailureFacts): void {
    this.open("misconfigured", why);
  }

  /** One episode could not be sent. */
  failed(why: FailureFacts): void {
    this.streak++;
    if (this.streak >= FAILING_STREAK) this.open("failing", why);
  }

  /** What stood in the way may be mended: the next upload goes ahead at once. */
  tryNow(): void {
    if (this.pause !== null) this.pause.untilMs = Number.NEGATIVE_INFINITY;
  }

  /** A receiver decided on an episode. */
  answered(): void {
    if (this.pause !== null) this.log.info("queue goes on: the receiver takes episodes again");
    this.pause = null;
    this.streak = 0;
  }

  private open(kind: Pause["kind"], { reason, detail, retryAfterS }: FailureFacts): void {
    const failures = (this.pause?.failures ?? 0) + 1;
    if (this.pause?.kind !== kind || this.pause.reason !== reason) {
      const tail = kind === "misconfigured" ? "no episode is at fault, nothing is lost" : "trying one at a time";
      this.log.error(`queue paused: ${quoted(detail)}; ${tail}`, { reason });
    }
    const waitS = backoffSeconds(this.schedule(), failures, this.random(), retryAfterS);
    this.pause = { kind, reason, detail, failures, untilMs: this.later(waitS) };
  }
}
