// Which hosts are two machines (fleet/senders.ts decides): remembered in memory, and those that were found in
// duplicate-hosts.json, for `receiver hosts` and the next start. The memory is bounded; what is forgotten shows itself again.

import { isUnreadable } from "../../core/reading.ts";
import { quoted } from "../../core/text/fields.ts";
import {
  type DuplicateHost,
  duplicateOf,
  NOBODY,
  noteSender,
  parseSenders,
  type Senders,
  type Sighting,
  withoutMoved,
} from "../../fleet/senders.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import type { Log } from "../../runtime/log/log.ts";
import { openRunReports } from "../../runtime/run-reports.ts";
import { HERE, type NeedHere } from "../disk/presence.ts";
import { forgetOldest } from "../refusals/oldest.ts";

const HOSTS_MAX = 20_000;
const FILE_BYTES = 64 * 1024 ** 2;
const WRITE_EVERY_MS = 30_000;

export interface DuplicateHosts {
  /** A request whose sender has shown that it may speak for `host`. Never throws. */
  saw(host: string, sighting: Sighting, nowMs: number): void;
  find(host: string, nowMs: number): DuplicateHost | null;
  /** Writes what is new. Never throws. */
  write(): void;
  close(): void;
}

/**
 * What the file holds, by host; nothing when there is none that can be read.
 * @param leftOut is given each host of which it says nothing that can be understood
 */
export function readDuplicates(path: string, leftOut: string[] = []): Map<string, Senders> {
  const file = readSmallFile(path, FILE_BYTES);
  return file === null || isUnreadable(file) ? new Map() : parseSenders(file.text, leftOut);
}

/** @param needHere asked before anything is made */
export function openDuplicateHosts(path: string, log: Log, needHere: NeedHere = HERE): DuplicateHosts {
  const leftOut: string[] = [];
  const hosts = readDuplicates(path, leftOut);
  if (leftOut.length > 0)
    log.warn(`${path} says nothing that can be understood of ${leftOut.map(quoted).join(", ")}: it is left out`);
  const found = new Set(hosts.keys());
  let isNew = false;
  const writeReport = openRunReports(log, { mode: 0o640, before: needHere });
  const write = (): void => {
    if (!isNew) return;
    const told = Object.fromEntries([...hosts].filter(([host]) => found.has(host)));
    if (writeReport(path, JSON.stringify(told))) isNew = false;
  };
  /** Who was two machines is so no more once one of them sends under another name. */
  const clearMoved = (host: string, { machine }: Sighting, nowMs: number): void => {
    for (const other of found) {
      const before = hosts.get(other);
      if (other === host || before === undefined) continue;
      const left = withoutMoved(before, machine, nowMs);
      if (left === before) continue;
      hosts.set(other, left);
      isNew = true;
      if (duplicateOf(other, left, nowMs) !== null) continue;
      found.delete(other);
      log.info(`duplicate-host ${other}: it is one machine again; the other one sends as ${host}`);
    }
  };
  const timer = setInterval(write, WRITE_EVERY_MS);
  timer.unref();
  return {
    saw(host, sighting, nowMs) {
      if (found.size > 0) clearMoved(host, sighting, nowMs);
      const senders = noteSender(hosts.get(host) ?? NOBODY, sighting, nowMs);
      hosts.delete(host);
      hosts.set(host, senders);
      forgetOldest(hosts, HOSTS_MAX);
      const duplicate = duplicateOf(host, senders, nowMs);
      if (duplicate === null) {
        isNew = found.delete(host) || isNew;
        return;
      }
      isNew = true;
      if (found.has(host)) return;
      found.add(host);
      log.warn({ what: `duplicate-host ${host}: ${duplicate.what}`, fix: duplicate.fix });
      write();
    },
    find: (host, nowMs) => duplicateOf(host, hosts.get(host) ?? NOBODY, nowMs),
    write,
    close: () => clearInterval(timer),
  };
}
