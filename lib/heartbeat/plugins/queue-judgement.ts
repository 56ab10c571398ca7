// What the state of the shipper's queue means: which of it needs a person, and what that person does. Pure.

import { type CheckStatus, worst } from "../../contract/observation.ts";
import type { QueuePause, QueueReport } from "../../contract/queue.ts";
import { readFix, readSaid } from "../../contract/said.ts";
import type { RefusedGroup } from "../../contract/shipper-status.ts";
import { discardRefused, discardUnverified, freeing, missingRoot, underWayText } from "../../contract/shipper-words.ts";
import { byCommands, type Fix, inWords, onHost } from "../../core/finding.ts";
import { unitCommand } from "../../core/linux/unit-fix.ts";
import { remedyLast } from "../../core/remedy-last.ts";
import { formatBytes, formatSeconds } from "../../core/text/quantity.ts";
import { shellLine } from "../../core/text/shell-quote.ts";
import type { Seen } from "../plugin.ts";
import type { ShipperView } from "./shipper-view.ts";
import { type Limits, perf, statusOf } from "./thresholds.ts";

export interface QueueView {
  shipper: ShipperView;
  report: QueueReport;
  dataRoot: string;
  /** Directories that cannot be read, with the reason. */
  unreadable: string[];
  /** There is no `episodes/` in the data root. */
  isRootMissing: boolean;
}

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;

const QUEUE_POLICY: Record<"oldest" | "quarantined" | "held" | "expiring", Limits> = {
  oldest: { alert: "above", warning: 6 * HOUR_S, critical: DAY_S, because: "a slow night is normal, a day is not" },
  quarantined: { alert: "above", warning: 0, critical: null, because: "refused episodes wait for a person" },
  held: { alert: "above", warning: 0, critical: null, because: "held episodes wait for a person" },
  expiring: { alert: "above", warning: 0, critical: null, because: "in a week they are gone" },
};

/** What waits alone for longer than this is not going to go by itself, seconds. */
const WAITS_TOO_LONG_S = DAY_S;

/** A comma would pass for a part of the command before it. */
const SEPARATOR = " · ";

/** A status, what is the case and what mends it; "ok": it is only told. */
type Said = [status: CheckStatus, what: string, fix?: Fix | null];

export function observe(view: QueueView): Seen {
  const { report, shipper } = view;
  const perfdata = [
    perf("pending", report.pending, ""),
    perf("outbox", report.outbox, ""),
    perf("oldest_pending", report.oldest_pending_s, "s", QUEUE_POLICY.oldest),
    perf("quarantined", report.quarantined, "", QUEUE_POLICY.quarantined),
    perf("held", report.held?.count ?? 0, "", QUEUE_POLICY.held),
    perf("expiring", report.expiring, "", QUEUE_POLICY.expiring),
  ];
  const said = [...ofShipper(view), ...ofQueue(view), ...ofRefused(view), ...ofLoad(view)];
  const status = worst([statusOf(perfdata), ...said.map(([one]) => one)]);
  // A start is no failure: what has waited while the machine was off, and what no network answers yet, is told and no alarm.
  const { what: message, fix } = remedyLast(
    said.map(([, what, mends = null]) => ({ what, fix: mends })),
    SEPARATOR,
  );
  const isSpared = shipper.state === "starting" && status === "critical";
  return { status: isSpared ? "warning" : status, message, perfdata, fix };
}

function ofShipper({ shipper, report, dataRoot, unreadable, isRootMissing }: QueueView): Said[] {
  const said: Said[] = [];
  const { state, pid, ageS, problem } = shipper;
  if (pid !== null && isRootMissing && state !== "starting") {
    const { what, fix } = missingRoot(pid, dataRoot);
    return [["critical", what, fix]];
  }
  if (state === "stopped") {
    const fix = byCommands(unitCommand("shipper", "start"));
    said.push([report.pending > 0 ? "critical" : "warning", "the shipper does not run", fix]);
  } else if (state === "silent") {
    const since = ageS === null ? "has never answered" : `has not answered for ${formatSeconds(ageS)}`;
    said.push(["critical", `the shipper (pid ${pid}) ${since}`, byCommands(unitCommand("shipper", "restart"))]);
  } else if (state === "starting") {
    said.push(
      pid === null
        ? ["warning", "the shipper does not run yet, or is being restarted"]
        : ["ok", "the shipper is starting"],
    );
  }
  if (problem !== null) said.push(["unknown", `how it does is not known: ${problem.what}`, problem.fix]);
  if (unreadable.length > 0) said.push(["unknown", `cannot be counted: ${unreadable.join(", ")}`]);
  return said;
}

function ofQueue({ report, shipper: { live } }: QueueView): Said[] {
  const said: Said[] = [];
  const { paused, waiting, held } = report;
  // Nothing arrives until somebody mends it.
  if (paused !== null) said.push(["critical", pausedText(paused), readFix(paused.fix)]);
  if (waiting !== null && live !== null) {
    const isLong = Date.parse(live.at) - Date.parse(waiting.since) > WAITS_TOO_LONG_S * 1000;
    const went = `${live.delivered_since_start} others went`;
    const who = waiting.count === 1 ? "1 waits alone" : `${waiting.count} wait`;
    // In a pause all of them wait, and for the same: for its next try.
    const next = paused === null ? nextTry(live.waiting?.next_try_at ?? null) : "";
    const { what, fix } = readSaid(waiting.reason);
    const words = `${who} since ${minute(waiting.since)}${next}, ${went}: ${what}`;
    if (isLong) said.push(["warning", words, fix]);
    else if (paused === null) said.push(["ok", words, fix]);
  }
  if (held !== null) {
    const { what, fix } = readSaid(held.reason);
    said.push(["ok", `${held.count} held since ${minute(held.since)}: ${what}`, fix]);
  }
  return said;
}

function ofRefused({ report, shipper: { live }, dataRoot }: QueueView): Said[] {
  const said: Said[] = [];
  const refused = live?.settled?.refused ?? [];
  const { quarantined, quarantined_bytes, expiring, unverified } = report;
  if (live?.disk_low === true) {
    const [way] = freeing(live.settled);
    said.push(["warning", "disk low, packing waits", way ?? inWords(`make room on the disk of ${dataRoot}`)]);
  }
  if ((expiring ?? 0) > 0) {
    const who = expiring === 1 ? "1 refused episode is" : `${expiring} refused episodes are`;
    said.push(["ok", `${who} removed in a week or later`, EXPIRING_FIX]);
  }
  if (quarantined > 0) said.push(ofQuarantine(quarantined, quarantined_bytes, refused));
  if ((unverified ?? 0) > 0) {
    const fix = discardUnverified(live?.settled?.unverified_bytes ?? null);
    said.push(["ok", `${unverified} shipped and not proved, never removed by themselves`, fix]);
  }
  return said;
}

const STATUS = onHost("sudo", "shipper", "status");

/** What makes a refused episode go, so that it is not removed. */
const EXPIRING_FIX: Fix = {
  text: "let the collector take their commit (accepted_commits_file), copy them from quarantine/, or let them go; this names them",
  commands: [STATUS],
};

/** `4 in quarantine (1.2 GiB): commit-not-accepted 3, conflict 1; …`. */
function ofQuarantine(count: number, bytes: number | null, refused: readonly RefusedGroup[]): Said {
  const size = bytes === null ? "" : ` (${formatBytes(bytes)})`;
  const [largest] = refused;
  if (largest === undefined) return ["ok", `${count} in quarantine${size}`, { text: "see why", commands: [STATUS] }];
  const reasons = refused.map((group) => `${group.reason} ${group.count}`).join(", ");
  const newest = refused.reduce((a, b) => ((b.newest_at ?? "") > (a.newest_at ?? "") ? b : a));
  const why = newest.newest_detail === null ? "" : `; the newest: ${newest.newest_detail}`;
  const { text, commands } = discardRefused(largest);
  const fix = { text: `see what mends each: ${shellLine(STATUS.argv)}; or ${text}`, commands };
  return ["ok", `${count} in quarantine${size}: ${reasons}${why}`, fix];
}

function ofLoad({ report, shipper }: QueueView): Said[] {
  const { pending, oldest_pending_s, waiting, held } = report;
  const { live } = shipper;
  if (live === null) return [["ok", pending === 0 ? "no episode lies here" : `${pending} lie here, finished or not`]];
  if (pending === 0) return waiting === null && held === null ? [["ok", "nothing to ship"]] : [];
  const parts = [`${pending} to ship`];
  if (oldest_pending_s !== null) parts.push(`oldest ${formatSeconds(oldest_pending_s)}`);
  const [first, ...more] = live.under_way;
  if (first !== undefined)
    parts.push(underWayText(first, live.at) + (more.length === 0 ? "" : ` and ${more.length} more`));
  return [["ok", parts.join(", ")]];
}

function pausedText({ detail, since, next_try_at }: QueuePause): string {
  return `PAUSED since ${minute(since)}${nextTry(next_try_at)}: ${detail}`;
}

/** `, next try 05:12`, of an ISO time in UTC. */
function nextTry(at: string | null): string {
  return at === null ? "" : `, next try ${at.slice(11, 16)}`;
}

/** `2026-05-01 05:12 UTC`, of an ISO time in UTC. */
function minute(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
}
