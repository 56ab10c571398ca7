// A snapshot as one line of fields, to be read, and as JSON, to be searched. Pure. What could not be read is named.

import { isUnreadable, type Reading } from "../../core/reading.ts";
import type { Fields } from "../log/log.ts";
import type { FoundMarker } from "../markers.ts";
import type { Snapshot } from "./snapshot.ts";

/** The fields of the `Shutdown context:` line, in their order; the parent's command line is last. */
export function contextFields(snapshot: Snapshot): Fields {
  const { parent, cgroup, loadavg, pressure } = snapshot;
  const place = isUnreadable(cgroup) ? null : cgroup;
  return {
    signal: snapshot.signal,
    ...snapshot.sender,
    under_systemd: snapshot.under_systemd ? "yes" : "no",
    parent_pid: show(snapshot.parent_pid, String),
    parent_name: parent === null ? "unknown" : show(parent.name, String),
    loadavg_1m: show(loadavg, ([one]) => one.toFixed(2)),
    pressure_cpu: show(pressure.cpu, ({ some_avg10 }) => some_avg10.toFixed(2)),
    pressure_memory: show(pressure.memory, ({ some_avg10 }) => some_avg10.toFixed(2)),
    pressure_io: show(pressure.io, ({ some_avg10 }) => some_avg10.toFixed(2)),
    oom_kills: show(snapshot.oom_kills, String),
    our_pid: snapshot.pid,
    our_unit: place === null ? show(cgroup, String) : place.unit,
    ...(snapshot.takeover !== null && { takeover_marker_present: whom(snapshot.takeover) }),
    ...(snapshot.planned_stop !== null && { planned_stop_marker_present: whom(snapshot.planned_stop) }),
    ...reasonOf(snapshot.planned_stop),
    ...(snapshot.tracer_name !== null && {
      tracer_pid: show(snapshot.self.tracer_pid, String),
      tracer_name: show(snapshot.tracer_name, String),
    }),
    parent_cmdline: show(snapshot.parent_cmdline, String),
  };
}

/** The whole snapshot in one line. A search for `key=` in the log finds nothing in it: `=` is written as `\u003d`. */
export function contextJson(snapshot: Snapshot): string {
  return JSON.stringify(snapshot).replaceAll("=", "\\u003d");
}

function show<T>(reading: Reading<T>, text: (value: T) => string): string {
  return isUnreadable(reading) ? `unreadable:${reading.unreadable.replaceAll(" ", "-")}` : text(reading as T);
}

function whom(found: Reading<FoundMarker>): string {
  return isUnreadable(found) ? `unreadable:${found.unreadable.replaceAll(" ", "-")}` : found.names;
}

function reasonOf(found: Reading<FoundMarker> | null): Fields {
  if (found === null || isUnreadable(found) || found.names !== "self") return {};
  const { by, reason } = found.marker;
  return { planned_by: by, planned_reason: reason };
}
