// A host's housekeeping with a real client and a real disk, and clocks that stand still until they are told to go.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openClient } from "../../lib/client/client.ts";
import type { Dirs } from "../../lib/contract/places.ts";
import type { LogMessage } from "../../lib/runtime/log/log.ts";
import { parseShipperConfig } from "../../lib/shipper/config.ts";
import { ShippedList } from "../../lib/shipper/retention/shipped-list.ts";
import type { ReceiverDays } from "../../lib/shipper/settle/receiver-days.ts";
import { pinPath } from "../../lib/shipper/trust/pin.ts";
import { createHousekeeping, type HousekeepingDeps } from "../../lib/shipper/work/housekeeping.ts";
import { inText } from "./in-text.ts";
import { makeDirs, writeFiles } from "./lab-host.ts";
import { reloadable } from "./reloadable.ts";
import { COLLECTOR_ID } from "./scripted-collector.ts";
import { fingerprintOf } from "./walked.ts";

export const NOW = Date.parse("2026-06-20T12:00:00Z");
export const SHA = "a".repeat(64);
export const FRESH = "2026-06-20T11:59:00+00:00";
export const OLD = "2026-05-01T00:00:00+00:00";

/**
 * @param more TOML lines after [receiver] url
 * @param days the receiver's days; by default `clock.day`
 */
export function housekeeper(root: string, url: string, more = "", days?: ReceiverDays) {
  const dirs = makeDirs(root);
  const lines: string[] = [];
  const say = (message: LogMessage, fields: object = {}): number =>
    lines.push(`${inText(message)} ${JSON.stringify(fields)}`);
  const toml = `host_id = "lab1"\n[paths]\ndata_root = "${root}"\n[heartbeat]\nrun_dir = "${root}/hb"\n`;
  const { config } = parseShipperConfig(`${toml}[receiver]\nurl = "${url}"\n${more}`, "f");
  config.commitFile = join(root, "VERSION");
  writeFileSync(pinPath(root), JSON.stringify({ receiver_id: COLLECTOR_ID }));
  const clock = { monotonic: 0, wall: NOW, day: 100 };
  const { settings, reload } = reloadable(config);
  const stop = new AbortController();
  const deps: HousekeepingDeps = {
    settings,
    dirs,
    machine: "-;",
    client: openClient({ hostId: "lab1", timeoutKey: "shipper.request_timeout_s" }),
    days: days ?? { today: () => clock.day, seen: async () => {} },
    list: new ShippedList(dirs),
    signal: stop.signal,
    moved: () => {},
    log: { error: say, warn: say, info: say, debug: () => {} },
    fingerprint: async (path) => fingerprintOf(path),
    monotonicMs: () => clock.monotonic,
    wallMs: () => clock.wall,
  };
  return { keeper: createHousekeeping(deps), deps, lines, clock, dirs, config, stop, reload };
}

/** A shipped episode with its true fingerprint; old by its receiver day. */
export function shipped(dirs: Dirs, name: string, change: object = {}): string {
  const directory = join(dirs.shipped, name);
  writeFiles(directory, { "data.bin": `data of ${name}`, "done.marker": "" });
  const sent = { sent_bytes: 10, sent_sha256: SHA };
  const receipt = { status: "stored", verified: true, received_at_wall: OLD, receiver_day: 1, bytes: 10, sha256: SHA };
  writeNote(directory, "receipt.json", name, { ...receipt, ...sent, ...change });
  return directory;
}

/** A refused episode with its true fingerprint; old, announced and judged. */
export function refused(dirs: Dirs, name: string, change: object = {}): string {
  const directory = join(dirs.quarantine, name);
  writeFiles(directory, { "data.bin": `data of ${name}`, "done.marker": "", "meta.json": '{"code_commit":"old"}' });
  const sent = { sent_bytes: 10, sent_sha256: SHA, code_commit: "old" };
  const judged = { rules: 2, judged_by: COLLECTOR_ID, refused_day: 1 };
  const rejection = { reason: "commit-not-accepted", status: 412, at: OLD, prunable: false };
  writeNote(directory, "rejection.json", name, { ...rejection, ...judged, ...sent, ...change });
  return directory;
}

function writeNote(directory: string, file: string, name: string, note: object): void {
  const common = { labfleet: 1, fingerprint: fingerprintOf(directory), episode_id: name.replace(/~\d+$/, "") };
  writeFiles(directory, { [file]: JSON.stringify({ ...common, ...note }) });
}
