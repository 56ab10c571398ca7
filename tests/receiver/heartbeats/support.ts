// Heartbeats for tests, a receiver and a way to send them, and what is stored after some of them.

import { readFileSync } from "node:fs";
import type { Heartbeat } from "../../../lib/contract/heartbeat.ts";
import type { StoredHeartbeat } from "../../../lib/contract/host-document.ts";
import type { CheckResult } from "../../../lib/contract/observation.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { nextStates } from "../../../lib/fleet/states.ts";
import { decodeLatest, latestPath } from "../../../lib/os/files/latest-heartbeat.ts";
import { startReceiver } from "../support.ts";

export const T0 = Date.parse("2026-05-01T12:00:00Z");

/** A result as an agent sends it. */
export function result(over: Partial<CheckResult> & Record<string, unknown> = {}): CheckResult {
  return {
    plugin: "nagios_runner",
    name: "load",
    status: "ok",
    message: "fine",
    perfdata: [],
    started_at: "2026-05-01T12:00:00Z",
    duration_ms: 12,
    ttl_s: 130,
    run: 1,
    ...over,
  };
}

/** A heartbeat as an agent sends it. */
export function heartbeat(over: Partial<Heartbeat> & Record<string, unknown> = {}): Heartbeat {
  return {
    host_id: "lab1",
    sent_at: "2026-05-01T12:00:00Z",
    boot_id: "boot-a",
    sequence: 1,
    uptime_s: 1000,
    interval_s: 60,
    versions: { heartbeat: "0.1.0" },
    queue: null,
    plugins: [],
    results: [],
    ...over,
  };
}

/** What is known of a host, from its file. */
export function readStored(dir: string, host: string): StoredHeartbeat {
  const stored = decodeLatest(readFileSync(latestPath(dir, host)));
  if (stored === null) throw new Error(`${latestPath(dir, host)} cannot be read`);
  return stored;
}

/** What an agent says of a check that has not run yet. */
export const PENDING = result({
  name: "disk_smart",
  status: "unknown",
  message: "waiting for its turn",
  notes: { pending: true },
});

/** lab1's document after heartbeats with these results, one a minute, the last at T0. */
export function storedAfter(heartbeats: CheckResult[][], over: Partial<StoredHeartbeat> = {}): StoredHeartbeat {
  let states: StoredHeartbeat["states"] = [];
  for (const [n, results] of heartbeats.entries()) {
    const asOfMs = T0 - (heartbeats.length - 1 - n) * 60_000;
    states = nextStates(states, results, { asOfMs, sentMs: asOfMs });
  }
  return {
    received_at_wall: isoWall(T0),
    late_s: 0,
    skew_s: 0,
    seen: [],
    states,
    heartbeat: heartbeat({ results: heartbeats.at(-1) ?? [] }),
    ...over,
  };
}

/** Sends a heartbeat. Its Date is that of its `sent_at`, so that it is a live one, unless told otherwise. */
export function send(
  url: string,
  body: Heartbeat,
  headers: Record<string, string | undefined> = {},
  host = body.host_id,
): Promise<Response> {
  const all = { Date: new Date(body.sent_at).toUTCString(), ...headers };
  const sent = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return fetch(`${url}/v1/heartbeats/${host}`, {
    method: "PUT",
    body: JSON.stringify(body),
    headers: Object.fromEntries(sent),
    proxy: "",
  });
}

/** A receiver whose clock is ours to set; it stands at T0. */
export async function receiverAt(options: Parameters<typeof startReceiver>[0] = {}) {
  const clock = { ms: T0 };
  const receiver = await startReceiver({ ...options, deps: { nowMs: () => clock.ms, ...options.deps } });
  return { ...receiver, clock };
}

export const get = (url: string, path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}${path}`, { headers, proxy: "" });
