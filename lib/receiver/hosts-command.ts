// `receiver hosts`: what the hosts last said, from the collector's files; whether a receiver runs does not matter.

import { existsSync } from "node:fs";
import { isoWall } from "../core/clock.ts";
import { EXIT } from "../core/exit.ts";
import { UserError } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import { formatSeconds } from "../core/units.ts";
import type { Log } from "../runtime/log.ts";
import { type FoundHost, type HeartbeatStore, openHeartbeats } from "./heartbeats/store.ts";
import { type HostSummary, type HostView, hostView, summarise } from "./heartbeats/view.ts";
import { dataPaths, type ReceiverConfig } from "./settings.ts";

/**
 * Prints all hosts, or one of them. @returns exit code 0: what is wrong with a host is an answer
 * @throws UserError when the host is not known
 */
export async function hostsCommand(
  { dataRoot }: ReceiverConfig,
  { host, json, log }: { host: string | undefined; json: boolean; log: Log },
): Promise<number> {
  if (!existsSync(dataRoot)) {
    throw new UserError(`there is no data root at ${dataRoot}`, "name the collector's config with --config PATH");
  }
  const store = openHeartbeats(dataPaths(dataRoot).heartbeats, log);
  const nowMs = Date.now();
  const at = isoWall(nowMs);
  if (host !== undefined) {
    const view = hostView(host, await foundOrNamed(store, host), nowMs);
    process.stdout.write(json ? `${JSON.stringify({ at, ...view })}\n` : renderHost(view));
    return EXIT.ok;
  }
  const hosts = (await store.list()).map((brief) => summarise(brief, nowMs));
  process.stdout.write(json ? `${JSON.stringify({ at, hosts })}\n` : renderHosts(hosts));
  return EXIT.ok;
}

async function foundOrNamed(store: HeartbeatStore, host: string) {
  // A name that may not be is no file's either.
  const known = (await store.list()).map((brief) => brief.host);
  const found: FoundHost = known.includes(host) ? await store.find(host) : { kind: "none" };
  if (found.kind === "found") return found.stored;
  if (found.kind === "unreadable") {
    throw new UserError(
      `the latest heartbeat of ${host} cannot be read: a power cut may have torn it`,
      "its next heartbeat writes it anew; the earlier ones are in the daily files beside it",
    );
  }
  const guess = nearest(host, known);
  const meant = guess === null ? "" : `; did you mean ${guess}?`;
  throw new UserError(`no heartbeat of ${quoted(host)} has come${meant}`, "see all: receiver hosts");
}

/** The table of all hosts. Pure. */
export function renderHosts(hosts: readonly HostSummary[]): string {
  if (hosts.length === 0) return "no heartbeat has come yet\n";
  const rows = hosts.map(({ host, age_s, stale, worst, problem }) => [
    host,
    `${formatSeconds(age_s)}${stale ? " late" : ""}`,
    worst,
    problem ?? "",
  ]);
  return table([["HOST", "HEARTBEAT", "WORST", "WHAT IS WRONG"], ...rows]);
}

/** One host: its heartbeat, its clock, its results. Pure. */
export function renderHost(view: HostView): string {
  const { heartbeat, age_s, stale, skew_s, clock_off, worst } = view;
  const { sequence, interval_s, uptime_s, versions, results } = heartbeat;
  const clock = skew_s === null ? "not known" : `${skew_s} s ahead of this one${clock_off ? ", OFF" : ""}`;
  const head = table([
    ["host", view.host],
    ["heartbeat", `${formatSeconds(age_s)} ago${stale ? ", LATE" : ""}, number ${sequence}, every ${interval_s} s`],
    ["up", formatSeconds(uptime_s)],
    ["clock", clock],
    [
      "versions",
      Object.entries(versions)
        .map((entry) => entry.join(" "))
        .join(", ") || "none told",
    ],
    ["worst", worst],
  ]);
  if (results.length === 0) return head;
  const rows = results.map((result) => [
    result.name,
    result.stale ? `stale (was ${result.was})` : result.status,
    `${result.state}${result.flapping ? ", flapping" : ""}`,
    formatSeconds(result.age_s),
    result.message,
  ]);
  return `${head}\n${table([["RESULT", "STATUS", "STATE", "AGE", "MESSAGE"], ...rows])}`;
}

/** Columns side by side; the last one is as long as it is. What is in it came from outside. */
function table(rows: readonly (readonly string[])[]): string {
  const safe = rows.map((row) => row.map((cell) => printable(cell)));
  const widths = (safe[0] ?? []).map((_, column) => Math.max(...safe.map((row) => row[column]?.length ?? 0)));
  return safe
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
