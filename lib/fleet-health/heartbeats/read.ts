// The latest heartbeat of each host, as the receiver's list shows it.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isName } from "../../contract/names.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import type { Finding } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { briefOf, type HostSummary, summarise } from "../../fleet/view.ts";
import { hostOfFile, readLatest } from "../../os/files/latest-heartbeat.ts";
import { refusedFix } from "../../os/process/as-typed.ts";

/** Files that are read at a time. */
const AT_ONCE = 32;

export type Heartbeats = { kind: "read"; hosts: HostSummary[] } | { kind: "unknown"; why: Finding };

/**
 * Reads them all, as of `nowMs`. A collector that none has come to has none; one file that cannot be read tells nothing of its host.
 * Never rejects for an error of the system.
 */
export async function readHeartbeats(dir: string, nowMs: number): Promise<Heartbeats> {
  try {
    const names = new Set((await readdir(dir)).map(hostOfFile).filter(isName));
    const hosts: HostSummary[] = [];
    const left = [...names].sort();
    while (left.length > 0) {
      const found = await Promise.all(left.splice(0, AT_ONCE).map((host) => readOne(dir, host, nowMs)));
      hosts.push(...found.filter((one) => one !== null));
    }
    return { kind: "read", hosts };
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT") return { kind: "read", hosts: [] };
    if (code === null) throw error;
    const what = `the heartbeats in ${join(dir, "/")} cannot be read: ${quoted(errorText(error))}`;
    return { kind: "unknown", why: { what, fix: refusedFix(code) } };
  }
}

async function readOne(dir: string, host: string, nowMs: number): Promise<HostSummary | null> {
  const found = await readLatest(dir, host);
  return found.kind === "found" ? summarise(briefOf(host, found.stored), nowMs) : null;
}
