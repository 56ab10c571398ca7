// What `heartbeat status` prints: the document for programs, and the table that a person reads. It reads nothing.

import { join } from "node:path/posix";
import { byCommands, findingText, here } from "../core/finding.ts";
import { notRunning, unitCommand } from "../core/linux/unit-fix.ts";
import { columns, labelled } from "../core/text/columns.ts";
import { formatSeconds } from "../core/text/quantity.ts";
import { isStartRefused, toldEnd } from "../runtime/ends/end-records.ts";
import type { EndReport } from "../runtime/ends/ends.ts";
import { NAGIOS_RUNNER } from "./collect/plugin-tables.ts";
import { summaryText } from "./decide.ts";
import { FIXED_SETTINGS } from "./settings.ts";
import { heartbeats, type LiveStatus } from "./status-live.ts";

/** What `heartbeat status --json` prints. Ages in seconds. */
export interface Status {
  host_id: string;
  receiver: string;
  state_dir: string;
  run_dir: string;
  /** Whether a process holds the lock of the state directory, and which one. */
  running: boolean;
  pid: number | null;
  /** How long it has been running (without a report of its own: the process), and how old its newest collection and the newest arrival are; null: not known. */
  running_s: number | null;
  collected_age_s: number | null;
  arrived_age_s: number | null;
  /** How long the receiver has asked to be left alone yet; null: it has not. */
  told_to_wait_s: number | null;
  /** Heartbeats that wait to be sent: by its own report, else by what lies on the disk; null: not to be seen. */
  waiting: number | null;
  /** Its own report; null when it does not run, has written none yet, or it may not be read. */
  live: LiveStatus | null;
  /** Why its report may not be read; null: it may, or there is none. */
  live_unreadable: string | null;
  /** Why it cannot report, with what mends it, in one line; null: nothing is known against it. */
  report_problem: string | null;
  /** How the last run ended; null before there was one. */
  last_end: EndReport | null;
  /** Why systemd could not start it (`217/USER`); null: nothing is known of that. */
  start_failure: string | null;
}

/** The table a person reads. */
export function renderStatus(status: Status): string {
  const { live, last_end } = status;
  return labelled([
    ["host", `${status.host_id} -> ${status.receiver}`],
    ["heartbeat", activity(status)],
    ...(live === null ? [] : collectedRows(live, status)),
    ["waiting", waitingText(status)],
    ...(live === null ? [] : trouble(live, status.told_to_wait_s)),
    ...(live === null ? [] : pluginRows(live)),
    ...(live === null ? [] : restartRow(live)),
    ["last end", last_end === null ? "none is known" : findingText(toldEnd(last_end))],
  ]).join("\n");
}

type Row = [name: string, text: string];

/** The first report is there when all plugins have begun, which each has ten seconds for. */
const STARTING_S = 60;
/** So many intervals without a newer report are no chance. */
const MISSED = 3;

function activity(status: Status): string {
  const { pid, live, live_unreadable, running_s, report_problem, last_end, start_failure } = status;
  if (pid === null) return findingText(notRunning("heartbeat", isStartRefused(last_end), start_failure));
  const running = `running (pid ${pid})`;
  if (live_unreadable !== null) {
    const fix = byCommands(here("sudo", "heartbeat", "status"));
    return findingText({ what: `${running}; what it does cannot be read (${live_unreadable})`, fix });
  }
  if (live === null && report_problem === null && (running_s === null || running_s < STARTING_S))
    return `${running}: starting`;
  const time = running_s === null ? "" : ` for ${formatSeconds(running_s)}`;
  return `${running}${time}${live === null ? `; there is no report of it: ${whyNoReport(status)}` : ""}`;
}

const whyNoReport = ({ run_dir, report_problem }: Status): string =>
  report_problem ?? `is ${run_dir} full, or not its own? Look at its log`;

function collectedRows({ collected, arrived, interval_s }: LiveStatus, status: Status): Row[] {
  if (collected === null) return [["collected", "for the first time just now"]];
  const { problems, not_ok } = collected;
  const results = problems.map(({ name, status: said, message }) => [said.toUpperCase(), name, message]);
  const rows = columns(results, ["CRITICAL".length]).map((line): Row => ["", line]);
  if (not_ok > problems.length) rows.push(["", `… and ${not_ok - problems.length} more`]);
  const isOld = (status.collected_age_s ?? 0) > Math.max(STARTING_S, MISSED * interval_s);
  const isLast = isOld || status.report_problem !== null;
  return [
    ...(isLast ? [["report", `the last one, nothing newer is known: ${whyNoReport(status)}`] satisfies Row] : []),
    ["collected", `${ago(status.collected_age_s)}, every ${formatSeconds(interval_s)}: ${summaryText(collected)}`],
    ...rows,
    ["arrived", arrived === null ? "none since it started" : `the newest ${ago(status.arrived_age_s)}`],
  ];
}

function ago(ageS: number | null): string {
  return ageS === null ? "at an unknown time" : `${formatSeconds(ageS)} ago`;
}

function waitingText({ waiting, state_dir, live }: Status): string {
  if (waiting === null) return `not to be seen: ${join(state_dir, "spool")} may not be read`;
  if (waiting === 0) return "none";
  const inMemory = live?.waiting_in_memory ?? 0;
  return `${heartbeats(waiting)}${inMemory === 0 ? "" : `, ${inMemory} of them in memory only`}`;
}

/** What stands in the way of heartbeats, a row each. */
function trouble(live: LiveStatus, toldS: number | null): Row[] {
  const { failing, refused, disk_failure, unreadable, dropped, damaged } = live;
  const rows: Row[] = [];
  if (failing !== null) {
    // Before it, for a remedy ends its line.
    rows.push(["not sent", `${failing.tries > 1 ? `${failing.tries} tries in a row: ` : ""}${failing.why}`]);
  }
  if (toldS !== null) rows.push(["next try", `in ${formatSeconds(toldS)}: the receiver asked to wait so long`]);
  if (refused !== null) {
    const over = refused.lasts ? "" : "; heartbeats are taken again";
    rows.push(["refused", `${heartbeats(refused.count)} for good, the newest: ${refused.why}${over}`]);
  }
  if (disk_failure !== null) rows.push(["disk", disk_failure]);
  if (unreadable !== null) rows.push(["unreadable", unreadable]);
  if (dropped > 0) rows.push(["dropped", `${heartbeats(dropped)}: too many waited`]);
  if (damaged > 0) rows.push(["damaged", `${heartbeats(damaged)}: torn, as by a power cut`]);
  return rows;
}

function pluginRows({ plugins_loaded, plugins_out, plugins_out_count, restart_for }: LiveStatus): Row[] {
  // What kept one from taking part may be mended in the configuration by now: nobody asks it before the restart.
  const isOld = restart_for.includes(FIXED_SETTINGS.plugins ?? "");
  const rows = plugins_out.map(({ name, state, reason }): Row => {
    const why =
      isOld && state === "skipped" && name === NAGIOS_RUNNER ? "its new configuration waits for a restart" : reason;
    return ["", `${state} ${name}${why === null ? "" : `: ${why}`}`];
  });
  if (plugins_out_count > plugins_out.length)
    rows.push(["", `… and ${plugins_out_count - plugins_out.length} more: heartbeat plugins lists all`]);
  return [
    ["plugins", `${plugins_loaded} loaded${plugins_out_count === 0 ? "" : `, ${plugins_out_count} not`}`],
    ...rows,
  ];
}

function restartRow({ restart_for }: LiveStatus): Row[] {
  if (restart_for.length === 0) return [];
  const names = restart_for.join(",").replaceAll(",", ", ");
  const what = `the configuration has changed in ${names}, and that waits for a restart`;
  return [["restart", findingText({ what, fix: byCommands(unitCommand("heartbeat", "restart")) })]];
}
