// `shipper status` as a person reads it: one screen, every trouble with its remedy. Pure.

import { readFix } from "../../contract/said.ts";
import type { Waiter } from "../../contract/shipper-status.ts";
import { underWayText } from "../../contract/shipper-words.ts";
import { byCommands, findingText, fixTail } from "../../core/finding.ts";
import { notRunning, unitCommand } from "../../core/linux/unit-fix.ts";
import { labelled } from "../../core/text/columns.ts";
import { isStartRefused, toldEnd } from "../../runtime/ends/end-records.ts";
import { statusLine } from "./live-status.ts";
import type { Status } from "./status.ts";

const SHOWN = 10;

/** The table a person reads. */
export function renderStatus(status: Status): string {
  const { live, quarantined } = status;
  return labelled([
    ["host", `${status.host_id} -> ${status.receiver}`],
    ["trusts", status.receiver_id ?? status.pin_unreadable ?? "the first receiver that accepts its token"],
    ["shipper", activity(status)],
    ...(live === null || status.answering ? [] : [["said last", statusLine(live)] satisfies Row]),
    ["to ship", `${status.pending}${status.recording > 0 ? ` (and ${status.recording} being recorded)` : ""}`],
    ["shipped", `${status.shipped} still on this host`],
    ["refused", `${quarantined.length} in quarantine`],
    ["last end", status.last_end === null ? "none is known" : findingText(toldEnd(status.last_end))],
    ...(live?.under_way ?? []).map((one): Row => ["now", underWayText(one, live?.at ?? "")]),
    ...waiters("waiting", live?.waiting_list ?? [], live?.waiting?.count ?? 0),
    ...waiters("held", live?.held_list ?? [], live?.held?.count ?? 0),
    ...(live === null ? noEpisodes(status.problems) : []),
    ...quarantine(quarantined),
    ...status.left_over.slice(0, SHOWN).map(({ path, fix }): Row => ["left over", `${path}${tail(fix)}`]),
  ]).join("\n");
}

type Row = [label: string, text: string];

function activity({ pid, live, answering, report_problem, last_end, start_failure }: Status): string {
  if (pid === null) return findingText(notRunning("shipper", isStartRefused(last_end), start_failure));
  // A restart would not even get to its pid file.
  if (report_problem !== null) return `running (pid ${pid}), and cannot say what it does: ${report_problem}`;
  if (live === null) return `running (pid ${pid}): starting`;
  if (answering) return `running (pid ${pid}): ${statusLine(live)}`;
  // What it last said has remedies of its own, which are not for this.
  const fix = byCommands(unitCommand("shipper", "restart"));
  return findingText({ what: `not answering since ${live.at} (pid ${pid})`, fix });
}

function waiters(heading: string, list: readonly Waiter[], count: number): Row[] {
  const shown = list.slice(0, SHOWN);
  return [
    ...shown.map(
      ({ episode, since, detail, fix }): Row => [heading, `${episode}, since ${since}: ${detail}${tail(fix)}`],
    ),
    ...(count > shown.length ? [["", `… and ${count - shown.length} more`] satisfies Row] : []),
  ];
}

/** What the disk alone tells, without a daemon that would say since when. */
function noEpisodes(list: Status["problems"]): Row[] {
  const shown = list.slice(0, SHOWN);
  return [...shown.map(({ name, problem, fix }): Row => ["held", `${name}: ${problem}${tail(fix)}`]), ...andMore(list)];
}

function quarantine(list: Status["quarantined"]): Row[] {
  if (list.length === 0) return [];
  return [
    ["quarantine", "each with what mends it; afterwards: sudo shipper requeue <id>…, or --all [--reason R]"],
    ...list
      .slice(0, SHOWN)
      .map(
        ({ episode, reason, detail, fix }): Row => [
          "",
          `${episode}: ${reason}${detail === null ? "" : `, ${detail}`}${tail(fix)}`,
        ],
      ),
    ...andMore(list),
  ];
}

function andMore(list: readonly unknown[]): Row[] {
  return list.length > SHOWN ? [["", `… and ${list.length - SHOWN} more: --json lists all`]] : [];
}

function tail(fix: string | null): string {
  return fixTail(readFix(fix));
}
