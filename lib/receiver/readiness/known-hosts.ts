// Writes down which hosts have a token, and whose upload is under way, for the health check (contract/known-hosts.ts), which may read
// neither. Not flushed: the next minute writes it again.

import { lstatSync } from "node:fs";
import { formatKnownHosts, type KnownHost, type KnownHosts, parseKnownHosts } from "../../contract/known-hosts.ts";
import { OPERATOR } from "../../contract/names.ts";
import { isoWall } from "../../core/clock.ts";
import { errorCode } from "../../core/failure.ts";
import { isUnreadable } from "../../core/reading.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import type { Log } from "../../runtime/log/log.ts";
import { openRunReports } from "../../runtime/run-reports.ts";
import { HERE, type NeedHere } from "../disk/presence.ts";

const FILE_BYTES = 16 * 1024 ** 2;

export interface KnownSources {
  store: () => KnownHosts["store"];
  /** Hosts that have a token; empty where none is asked for. */
  withToken: () => readonly string[];
  /** When bytes of each upload that is under way were last written, by its host, milliseconds since 1970. */
  moving: () => ReadonlyMap<string, number>;
}

/**
 * Opens the notes of a data root.
 * @param needHere asked before anything is made
 * @returns writes what is known now, unless that stands there already; never throws
 */
export function openKnownHosts(
  path: string,
  sources: KnownSources,
  log: Log,
  needHere: NeedHere = HERE,
): (nowMs: number) => void {
  const writeReport = openRunReports(log, { mode: 0o640, before: needHere });
  let written = "";
  /** What the disk says of the file that we wrote: somebody may have torn it, or put another in its place. */
  let left: string | null = null;
  let since: Map<string, string> | null = null;
  return (nowMs) => {
    since ??= sinceOf(path);
    const { store, hosts } = whatIsKnown(sources, since, nowMs);
    since = new Map(hosts.flatMap(({ host, token_since }) => (token_since === null ? [] : [[host, token_since]])));
    const text = JSON.stringify([store, hosts]);
    if (text === written && left !== null && left === lookOf(path)) return;
    if (!writeReport(path, formatKnownHosts({ at: isoWall(nowMs), store, hosts }).trimEnd())) return;
    written = text;
    left = lookOf(path);
  };
}

/** By what a file is known again; null: nothing has that name, or nobody can tell. */
function lookOf(path: string): string | null {
  try {
    const { ino, size, mtimeMs, mode, uid, gid } = lstatSync(path);
    return [ino, size, mtimeMs, mode, uid, gid].join(" ");
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}

/** Since when hosts have a token, as the file has it that a receiver before us wrote. */
function sinceOf(path: string): Map<string, string> {
  const file = readSmallFile(path, FILE_BYTES);
  const known = file === null || isUnreadable(file) ? null : parseKnownHosts(file.text);
  return new Map(
    (known?.hosts ?? []).flatMap(({ host, token_since }) => (token_since === null ? [] : [[host, token_since]])),
  );
}

/** Pure but for its sources. */
function whatIsKnown(
  { store, withToken, moving }: KnownSources,
  since: ReadonlyMap<string, string>,
  nowMs: number,
): Pick<KnownHosts, "store" | "hosts"> {
  const tokens = new Set(withToken().filter((host) => host !== OPERATOR));
  const moved = moving();
  const hosts = [...new Set([...tokens, ...moved.keys()])].sort().map((host): KnownHost => {
    const movedMs = moved.get(host);
    return {
      host,
      token_since: tokens.has(host) ? (since.get(host) ?? isoWall(nowMs)) : null,
      moved_at: movedMs === undefined ? null : isoWall(movedMs),
    };
  });
  return { store: store(), hosts };
}
