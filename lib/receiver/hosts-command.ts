// `receiver hosts`: what the hosts last said, from the collector's files; whether a receiver runs does not matter.

import { statSync } from "node:fs";
import { isoWall } from "../core/clock.ts";
import { EXIT } from "../core/exit.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { nearest } from "../core/nearest.ts";
import { print } from "../os/answer.ts";
import type { Log } from "../runtime/log.ts";
import type { StoredHeartbeat } from "./heartbeats/document.ts";
import { type FoundHost, type HeartbeatStore, openHeartbeats } from "./heartbeats/store.ts";
import { renderHost, renderHosts } from "./heartbeats/table.ts";
import { hostView, summarise } from "./heartbeats/view.ts";
import { dataPaths, type ReceiverConfig } from "./settings.ts";

/**
 * Prints all hosts, or one of them. @returns exit code 0: what is wrong with a host is an answer
 * @throws UserError when the host is not known, or the files cannot be read
 */
export async function hostsCommand(
  { dataRoot }: ReceiverConfig,
  { host, json, log }: { host: string | undefined; json: boolean; log: Log },
): Promise<number> {
  const dir = dataPaths(dataRoot).heartbeats;
  checkDataRoot(dataRoot);
  const store = openHeartbeats(dir, log);
  const nowMs = Date.now();
  const at = isoWall(nowMs);
  if (host !== undefined) {
    const view = hostView(host, await readable(dir, foundOrNamed(store, host)), nowMs);
    await print(json ? `${JSON.stringify({ at, ...view })}\n` : renderHost(view));
    return EXIT.ok;
  }
  const hosts = (await readable(dir, store.list())).map((brief) => summarise(brief, nowMs));
  const text = hosts.length === 0 ? `no heartbeat has come yet: there is none in ${dir}\n` : renderHosts(hosts);
  await print(json ? `${JSON.stringify({ at, hosts })}\n` : text);
  return EXIT.ok;
}

/** Without it nothing was ever collected here: that is no empty list. */
function checkDataRoot(dataRoot: string): void {
  try {
    statSync(dataRoot);
  } catch (error) {
    if (errorCode(error) !== "ENOENT" && errorCode(error) !== "ENOTDIR") throw unreadable(dataRoot, error);
    throw new UserError(`there is no data root at ${dataRoot}`, "name the collector's config with --config PATH");
  }
}

function readable<T>(dir: string, reading: Promise<T>): Promise<T> {
  return reading.catch((error: unknown) => {
    throw error instanceof UserError ? error : unreadable(dir, error);
  });
}

function unreadable(path: string, error: unknown): unknown {
  const code = errorCode(error);
  if (code === null) return error;
  const hint = code === "EACCES" || code === "EPERM" ? "run this as root or as the receiver's user" : null;
  return new UserError(`cannot read ${path}: ${errorText(error)}`, hint);
}

async function foundOrNamed(store: HeartbeatStore, host: string): Promise<StoredHeartbeat> {
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
  if (known.length === 0) {
    throw new UserError(
      `no heartbeat of ${quoted(host)} has come, and none of any other host`,
      "name the collector's config with --config PATH, or see on the host: heartbeat once",
    );
  }
  const guess = nearest(host, known);
  const meant = guess === null ? "" : `; did you mean ${guess}?`;
  throw new UserError(`no heartbeat of ${quoted(host)} has come${meant}`, "see all: receiver hosts");
}
