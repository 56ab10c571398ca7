// What a receiver does from time to time while it serves: the status line, and the removal of old days.

import { TICK_MS } from "../contract/tick.ts";
import { errorCode } from "../core/failure.ts";
import { counted, formatBytes } from "../core/text/quantity.ts";
import type { DaemonContext } from "../runtime/daemon.ts";
import type { OpenedStore } from "./episode-store.ts";
import type { Admission } from "./episodes/admission.ts";
import type { CertificateWatch } from "./listen/certificate-watch.ts";
import type { ReadinessWatch } from "./readiness/readiness-watch.ts";
import type { WriteTick } from "./readiness/ticks.ts";
import type { Attempts } from "./refusals/attempts.ts";
import type { Room } from "./room.ts";

const STATUS_EVERY_MS = 5000;
const HOURLY_MS = 3_600_000;

/** Nothing where the disk is gone: that is told as the trouble it is, and ends nobody. */
function freeText(room: () => Room): string {
  try {
    return `, ${formatBytes(room().freeBytes)} free`;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return "";
  }
}

export interface Watched {
  opened: OpenedStore;
  admission: Admission;
  watch: ReadinessWatch;
  certificate: CertificateWatch;
  room: () => Room;
  writeTick: WriteTick;
  /** Writes down which hosts there are. */
  writeHosts: (nowMs: number) => void;
  /** Removes codes whose time is over. Never rejects. */
  pruneCodes: (nowMs: number) => Promise<void>;
}

/** The status line and the pruning; returns what ends them. */
export function startChores(
  context: DaemonContext,
  { opened, admission, watch, certificate, room, writeTick, writeHosts, pruneCodes }: Watched,
  pruned: readonly Pick<Attempts, "prune">[],
): () => void {
  const status = (): void => {
    const size = opened.size();
    const stored = `${String(size).replace(/\B(?=(\d{3})+$)/g, " ")} ${size === 1 ? "episode" : "episodes"} stored`;
    const trouble = watch.found === null ? "" : `CANNOT STORE: ${watch.found.why}; `;
    context.status(`${trouble}${counted(admission.uploads, "upload")}, ${stored}${freeText(room)}`);
  };
  const prune = (): void => {
    for (const { prune } of pruned) void prune(Date.now());
  };
  const hourly = (): void => {
    prune();
    certificate.look();
  };
  const tick = (): void => {
    writeTick(watch.found === null, Date.now());
    writeHosts(Date.now());
    void pruneCodes(Date.now());
  };
  status();
  tick();
  const timers = [setInterval(status, STATUS_EVERY_MS), setInterval(tick, TICK_MS), setInterval(hourly, HOURLY_MS)];
  return () => {
    watch.stop();
    for (const timer of timers) clearInterval(timer);
  };
}
