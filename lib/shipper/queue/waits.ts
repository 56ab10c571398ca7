// How long an episode waits that was not shipped, and what is said of it: once for each episode and reason where a person has to
// act, each time where it is tried again.

import type { SettledCounts } from "../../contract/shipper-status.ts";
import { backoffSeconds } from "../../core/backoff.ts";
import type { Finding, Fix } from "../../core/finding.ts";
import { mountPointOf } from "../../os/files/disk-refusal.ts";
import type { Settings } from "../../runtime/config/settings.ts";
import type { Log } from "../../runtime/log/log.ts";
import { heldFinding } from "../episode/hindrance.ts";
import type { ShipperConfig } from "../settings.ts";
import type { Fault } from "../trust/verdict.ts";
import { roomFix, stampFix } from "../words/remedies.ts";
import type { Entry, Trouble } from "./entry.ts";

/** How long what a person has to mend is left alone, and a full disk before packing is tried again, seconds. */
export const RECHECK_S = 30;
/** A body is sent again after so many times as long as its failed try took: a path that never takes it gets a fifth of it. */
const BODY_REST_FACTOR = 4;
/** But not later than this, seconds. */
const BODY_REST_MAX_S = 6 * 3600;
/** Why an episode is held that names no commit. */
export const UNSTAMPED = "missing-commit";
/** The longest wait between two looks whether an unstamped episode has got its stamp, seconds. */
const STAMP_RECHECK_MAX_S = 600;

export interface WaitsDeps {
  settings: Settings<Pick<ShipperConfig, "backoffSeconds" | "commitFile" | "dataRoot">>;
  log: Log;
  /** Milliseconds that never jump. */
  now: () => number;
  /** Uniform in [0, 1). */
  random: () => number;
  /** What lies settled: a person may give it up to make room; null: not known yet. */
  settled: () => SettledCounts | null;
}

export class Waits {
  /** Whether the missing stamps were said. */
  private unstampedSaid = false;

  /** @param later when a wait of so many seconds is over, on the engine's clock */
  constructor(
    private readonly deps: WaitsDeps,
    private readonly later: (seconds: number) => number,
  ) {}

  /** It is tried again by itself. */
  again(entry: Entry, { reason }: Fault, { what, fix }: Finding, retryAfterS: number | null, tookMs: number): void {
    entry.failures++;
    const waitS = backoffSeconds(
      this.deps.settings.current().backoffSeconds,
      entry.failures,
      this.deps.random(),
      retryAfterS,
    );
    const restS = this.rest(entry, tookMs);
    entry.notBeforeMs = this.later(Math.max(waitS, restS));
    this.trouble(entry, reason, what, fix);
    const again_in_s = Math.max(waitS, restS).toFixed(1);
    const fields = { episode: entry.id, reason, failures: entry.failures, again_in_s };
    this.deps.log.warn({ what: `not shipped yet: ${what}`, fix }, fields);
  }

  /** Its body went, and in vain, whatever the fault: it goes again only after some time. @returns seconds */
  rest(entry: Entry, tookMs: number): number {
    const restS = Math.min((tookMs / 1000) * BODY_REST_FACTOR, BODY_REST_MAX_S);
    entry.bodyNotBeforeMs = this.later(restS);
    entry.notBeforeMs = Math.max(entry.notBeforeMs, entry.bodyNotBeforeMs);
    return restS;
  }

  /** A person has to mend something; it is looked at again now and then. */
  held(entry: Entry, reason: string, detail: string, fix: Fix | null): void {
    if (this.trouble(entry, reason, detail, fix)) this.deps.log.error(heldFinding("held", entry.id, detail, fix));
    entry.notBeforeMs = this.later(RECHECK_S);
  }

  /** The collector wants a stamp and it has none. Said once for all: there may be thousands. */
  unstamped(entry: Entry, detail: string): void {
    const fix = stampFix(this.deps.settings.current().commitFile);
    this.trouble(
      entry,
      UNSTAMPED,
      "the collector wants the commit of the recording code, and this episode names none",
      fix,
    );
    if (!this.unstampedSaid) {
      const what = `held: the collector wants the commit of the recording code (${detail}); episodes without one wait, others go on`;
      this.deps.log.error({ what, fix }, { episode: entry.id, reason: UNSTAMPED });
    }
    this.unstampedSaid = true;
    this.stampRecheck(entry);
  }

  /** An unstamped episode is looked at again, less and less often. */
  stampRecheck(entry: Entry): void {
    entry.failures++;
    entry.notBeforeMs = this.later(Math.min(RECHECK_S * 2 ** Math.min(entry.failures - 1, 10), STAMP_RECHECK_MAX_S));
  }

  /** There is no room to pack it. */
  forRoom(entry: Entry, untilMs: number): void {
    entry.notBeforeMs = untilMs;
    const point = mountPointOf(this.deps.settings.current().dataRoot);
    this.trouble(entry, "no-room", "no room to pack it", roomFix(point, this.deps.settled()));
  }

  /** The disk takes nothing: that is said once for all (disk/packing-room.ts). */
  forDisk(entry: Entry, untilMs: number, detail: string, fix: Fix | null): void {
    entry.notBeforeMs = untilMs;
    this.trouble(entry, "disk", detail, fix);
  }

  /** Unstamped episodes go again: should they be refused anew, that is news. */
  stampsArrived(): void {
    this.unstampedSaid = false;
  }

  /** Notes why it waits; whether that is news. */
  private trouble(entry: Entry, reason: string, detail: string, fix: Fix | null): boolean {
    const before: Trouble | null = entry.trouble;
    entry.trouble = { reason, detail, fix, sinceMs: before?.sinceMs ?? this.deps.now() };
    return before?.reason !== reason || before.detail !== detail;
  }
}
