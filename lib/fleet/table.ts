// Hosts as tables for people. What is in them came from outside: none of it breaks a line or steers a terminal. Pure.

import { withNotes } from "../contract/check-notes.ts";
import { columns } from "../core/text/columns.ts";
import { formatSeconds } from "../core/text/quantity.ts";
import type { HostView } from "./host-view.ts";
import { queueRows } from "./queue-view.ts";
import type { Row } from "./senders.ts";
import type { HostSummary } from "./view.ts";

/** The table of all hosts, of whom there is at least one. */
export function renderHosts(hosts: readonly Row<HostSummary>[]): string {
  const rows = hosts.map(({ host, received_at_wall, age_s, stale, never, worst, problem }) => [
    host,
    never ? "never" : received_at_wall === null ? "not known" : `${formatSeconds(age_s ?? 0)}${stale ? " late" : ""}`,
    worst,
    problem ?? "",
  ]);
  return table([["HOST", "HEARTBEAT", "WORST", "WHAT IS WRONG"], ...rows]);
}

/** One host: its heartbeat, its clock, its queue, its results, and its inactive plugins. */
export function renderHost(view: Row<HostView>): string {
  const { uptime_s, versions, results, plugins, sent_at, age_s } = view.heartbeat;
  const told = Object.entries(versions).map((entry) => entry.join(" "));
  const head = table([
    ["host", view.host],
    ["heartbeat", heartbeatText(view)],
    ["up", formatSeconds(uptime_s)],
    ["clock", clockText(view.skew_s, view.clock_off)],
    ...queueRows(view.queue, { sentMs: Date.parse(sent_at), ageS: age_s }),
    ...(view.receiver_id === null ? [] : [["trusts", `${view.trusts_another ? "ANOTHER: " : ""}${view.receiver_id}`]]),
    ["versions", told.join(", ") || "none told"],
    ["worst", view.worst],
    ...(view.problem === null ? [] : [["wrong", view.problem]]),
  ]);
  const absent = plugins.filter(({ state }) => state !== "loaded");
  const why = absent.map(({ name, state, reason }) => [name, state, reason ?? "no reason given"]);
  return [
    head,
    results.length === 0
      ? "its heartbeat holds no result: nobody knows how it is\n"
      : table([["RESULT", "STATUS", "STATE", "AGE", "MESSAGE"], ...results.map(resultRow)]),
    ...(why.length === 0 ? [] : [table([["PLUGIN", "STATE", "WHY"], ...why])]),
  ].join("\n");
}

function heartbeatText({ age_s, late_s, stale, heartbeat: { sequence, interval_s } }: Row<HostView>): string {
  const old = late_s > 0 ? `, ${formatSeconds(late_s)} old when it came` : "";
  return `${formatSeconds(age_s)} ago${stale ? ", LATE" : ""}${old}, number ${sequence}, every ${interval_s} s`;
}

/** The host's clock beside the collector's. A second more or less is none: the header that tells has whole ones. */
function clockText(skewS: number | null, off: boolean): string {
  if (skewS === null) return "not known";
  if (skewS === 0) return "0s: as this one";
  const size = formatSeconds(Math.abs(skewS));
  if (off) return `${size} ${skewS > 0 ? "fast" : "slow"}, OFF`;
  return `${size} ${skewS > 0 ? "ahead" : "behind"}`;
}

function resultRow(result: HostView["heartbeat"]["results"][number]): string[] {
  const { name, status, stale, state, was, flapping, age_s, message, notes } = result;
  const last = state === "pending" && was !== undefined && !stale ? ` (was ${was})` : "";
  return [
    name,
    stale ? `stale (was ${was})` : status,
    `${state}${last}${flapping ? ", flapping" : ""}`,
    formatSeconds(age_s),
    withNotes(message, notes),
  ];
}

function table(rows: readonly (readonly string[])[]): string {
  return `${columns(rows).join("\n")}\n`;
}
