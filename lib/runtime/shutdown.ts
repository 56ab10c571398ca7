// What a daemon writes down the moment its end begins: the snapshot in the log, the phase in the ledger, and a diagnostic
// that is taken by another process. It costs a few milliseconds and may fail in each part without any harm to the stop.

import type { CgroupPlace } from "../core/linux/cgroup.ts";
import { isUnreadable } from "../core/reading.ts";
import { formatFields, quoted } from "../core/text/fields.ts";
import { monotonicUsec } from "../os/clock-calls.ts";
import { selfCommand } from "../os/process/self.ts";
import { type Handover, startDiagnostic } from "./diagnostic/diagnostic.ts";
import { type Snapshot, takeSnapshot } from "./diagnostic/snapshot.ts";
import { contextFields, contextJson } from "./diagnostic/snapshot-text.ts";
import type { Ledger } from "./ends/ends.ts";
import type { Log } from "./log/log.ts";
import type { Sender } from "./signals.ts";

export interface StopFacts {
  /** What the stop is called in the log: `SIGTERM`, or `failure`. */
  cause: string;
  /** Null: no signal. */
  signal: number | null;
  sender: Sender;
}

export interface ForensicsOptions {
  tool: string;
  log: Log;
  ledger: Ledger;
  runDir: string;
}

/** Takes a snapshot for nothing: the first one costs several milliseconds, and the stop shall not pay them. */
export function warmUp(runDir: string): void {
  const snapshot = snapshotNow({ cause: "start", signal: null, sender: {} }, runDir);
  formatFields(contextFields(snapshot));
}

function snapshotNow({ signal, sender }: StopFacts, runDir: string): Snapshot {
  const { pid, env } = process;
  return takeSnapshot({ signal, sender, pid, env, runDir, now: new Date(), monotonicUsec: monotonicUsec() });
}

/**
 * Explains a stop that has just begun.
 * @returns what starts the diagnostic, and gives its hand-over or null. To be called once the drain is on its way: to start
 *   a process takes some milliseconds on a busy host
 */
export function explainStop(options: ForensicsOptions, facts: StopFacts): () => Handover | null {
  const { log, ledger, runDir } = options;
  const snapshot = snapshotNow(facts, runDir);
  log.info("Shutdown context:", contextFields(snapshot));
  log.info(`Shutdown context as JSON: ${contextJson(snapshot)}`);
  ledger.stopping(facts.cause, senderWords(snapshot));
  return () => handOver(options, facts, snapshot);
}

function handOver({ tool, log, ledger }: ForensicsOptions, facts: StopFacts, snapshot: Snapshot): Handover | null {
  const place = isUnreadable(snapshot.cgroup) ? null : snapshot.cgroup;
  const handover = startDiagnostic(
    { dir: ledger.dir, runId: ledger.runId, tool, pid: process.pid, cause: facts.cause, cgroup: place?.path ?? null },
    { ...placeOf(snapshot, place), command: [...selfCommand(), "diagnostic"] },
  );
  if (!("failure" in handover)) return handover;
  log.warn(`no diagnostic of this stop: ${handover.failure}`);
  return null;
}

/** Who ended it and, where a marker says so, that it was meant: `systemd(1), planned by "autoupdate" ("new release")`. */
function senderWords({ sender, takeover, planned_stop }: Snapshot): string | null {
  const words = sender.sent_by === undefined ? [] : [String(sender.sent_by)];
  if (takeover !== null && !isUnreadable(takeover) && takeover.names === "self") words.push("which took its place");
  if (planned_stop !== null && !isUnreadable(planned_stop) && planned_stop.names === "self") {
    const { by = "somebody", reason } = planned_stop.marker;
    words.push(`planned by ${quoted(by)}${reason === undefined ? "" : ` (${quoted(reason)})`}`);
  }
  return words.join(", ") || null;
}

function placeOf({ under_systemd, self }: Snapshot, place: CgroupPlace | null) {
  return {
    // A run by hand in a terminal inherits INVOCATION_ID from its session: only a service ends with its cgroup.
    underSystemd: under_systemd && place?.unit?.endsWith(".service") === true,
    scope: place?.scope ?? null,
    uid: isUnreadable(self.uid) ? -1 : self.uid,
  };
}
