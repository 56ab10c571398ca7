// The start and the end of a pause of the shipper's queue are told at once, and not at the next place in the interval: but a queue
// that flaps sends no flood. The shipper's report is looked at once a second by stat(2): a watch (inotify) is silent for ever once
// its directory is made anew, and says nothing of it.

import { statSync } from "node:fs";
import { join } from "node:path";
import type { Heartbeat } from "../../contract/heartbeat.ts";
import { STATUS_REPORT } from "../../contract/places.ts";
import { errorCode } from "../../core/failure.ts";
import { readUptimeS } from "../../os/uptime.ts";
import { readShipper, type ShipperPlaces } from "../plugins/shipper-view.ts";

/** The report is looked at so often, milliseconds. */
export const LOOK_MS = 1000;
/** So many go ahead of their time in so many seconds: the beginning of a pause and its end, and no more where a queue flaps. */
const EARLY_MAX = 2;
const EARLY_WITHIN_S = 60;

/**
 * Whether a heartbeat goes ahead of its time. What was told is what the newest collection saw: one that must not go yet goes
 * when it may, unless a regular one has told it by then.
 * @param told whether the newest collection saw a pause; null: there was none, or no shipper
 * @param isPaused null: there is no report
 * @param earlyS when others went ahead of their time. Seconds of a clock that nobody sets, as `nowS`
 */
export function isEarlyDue(
  told: boolean | null,
  isPaused: boolean | null,
  earlyS: readonly number[],
  nowS: number,
): boolean {
  if (told === null || isPaused === null || told === isPaused) return false;
  return earlyS.filter((atS) => nowS - atS < EARLY_WITHIN_S).length < EARLY_MAX;
}

/** Whether a collection saw a pause. */
export function toldPause(latest: Pick<Heartbeat, "queue"> | null): boolean | null {
  return latest === null || latest.queue === null ? null : (latest.queue.paused ?? null) !== null;
}

/** Looks at the shipper's report, and reads it only when it is another. */
export class PauseWatch {
  private seen = "";
  private isPaused: boolean | null = null;
  private earlyS: number[] = [];

  constructor(private readonly places: ShipperPlaces) {}

  /** Whether a heartbeat is to be sent now; then it counts as sent. @param latest the newest collection */
  isDue(latest: Pick<Heartbeat, "queue"> | null): boolean {
    const told = toldPause(latest);
    const nowS = performance.now() / 1000;
    this.look();
    if (!isEarlyDue(told, this.isPaused, this.earlyS, nowS)) return false;
    // A shipper that was killed leaves its last report.
    this.read();
    if (!isEarlyDue(told, this.isPaused, this.earlyS, nowS)) return false;
    this.earlyS = [...this.earlyS, nowS].slice(-EARLY_MAX);
    return true;
  }

  private look(): void {
    const seen = markOf(join(this.places.runDir, STATUS_REPORT));
    if (seen === this.seen) return;
    this.seen = seen;
    this.read();
  }

  private read(): void {
    const { live } = readShipper(this.places, { wallMs: Date.now(), uptimeS: readUptimeS() });
    this.isPaused = live === null ? null : live.paused !== null;
  }
}

/** Tells two files of one name apart; "": there is none that can be seen. */
function markOf(path: string): string {
  try {
    const { ino, mtimeNs } = statSync(path, { bigint: true });
    return `${ino} ${mtimeNs}`;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return "";
  }
}
