// Who is who in bench/growth.ts: hosts, their tokens, and a heartbeat as a usual host sends it. The same each time.
import { createHash } from "node:crypto";
import type { Heartbeat } from "../../lib/contract/heartbeat.ts";
import type { CheckResult } from "../../lib/contract/observation.ts";

export const hostName = (i: number): string => `lab-${String(i).padStart(5, "0")}`;

export function tokenOf(i: number): string {
  return `lf_${createHash("sha256").update(`bench ${i}`).digest("base64url")}`;
}

export const OPERATOR_TOKEN = tokenOf(-1);

const CHECKS = 24;

/**
 * The `n`-th heartbeat of host `i`: two dozen results whose figures move all the time.
 * @param flapping so many of its checks change their status with each heartbeat
 */
export function heartbeatOf(i: number, n: number, at: Date, flapping = 0): Heartbeat {
  const sent_at = at.toISOString();
  return {
    host_id: hostName(i),
    sent_at,
    boot_id: `0f5c9a54-7a0d-4c3e-9d0f-${String(i).padStart(12, "0")}`,
    sequence: n + 1,
    uptime_s: 3600 + n * 60,
    interval_s: 60,
    versions: { heartbeat: "0.1.0", shipper: "0.1.0" },
    queue: null,
    plugins: ["clock", "disks", "load", "memory", "units", "uptime", "shipper_queue"].map((name) => ({
      name,
      state: "loaded",
      reason: null,
    })),
    results: Array.from({ length: CHECKS }, (_, check) => resultOf(check, n, sent_at, check < flapping)),
    machine: { id: String(i).padStart(32, "0"), hardware: [String(i).padStart(16, "0")] },
    receiver_id: null,
  };
}

function resultOf(check: number, n: number, started_at: string, isFlapping: boolean): CheckResult {
  const value = ((n * 7 + check * 13) % 1000) / 10;
  const isBad = isFlapping && n % 2 === 1;
  return {
    plugin: "nagios_runner",
    name: `check_${check}`,
    status: isBad ? "critical" : "ok",
    message: `${isBad ? "DISK CRITICAL" : "DISK OK"} - free space: /data${check} ${value} % of 238.4 GB`,
    perfdata: [
      { label: `/data${check}`, value, uom: "%", warning: range(80), critical: range(90), min: 0, max: 100 },
      { label: "inodes", value: value * 1000, uom: "", warning: null, critical: null, min: 0, max: null },
    ],
    started_at,
    duration_ms: 20 + (n % 17),
    ttl_s: 180,
    run: n + 1,
    notes: { exit_code: isBad ? 2 : 0 },
  };
}

const range = (high: number) => ({ inside: false, low: 0, high });
