// `receiver hosts`: what the hosts last said, from the collector's files; whether a receiver runs does not matter.

import { readdirSync } from "node:fs";
import type { StoredHeartbeat } from "../../contract/host-document.ts";
import { OPERATOR } from "../../contract/names.ts";
import { dataPaths } from "../../contract/places.ts";
import { readFix } from "../../contract/said.ts";
import { isoWall } from "../../core/clock.ts";
import { EXIT } from "../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../core/failure.ts";
import { type Finding, findingText, here, onHost } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { nearest } from "../../core/text/nearest.ts";
import { printable } from "../../core/text/printable.ts";
import { hostView } from "../../fleet/host-view.ts";
import { type Named, neverSummary } from "../../fleet/never.ts";
import { duplicateOf, NOBODY, withDuplicate } from "../../fleet/senders.ts";
import { renderHost, renderHosts } from "../../fleet/table.ts";
import { summarise } from "../../fleet/view.ts";
import { print } from "../../os/answer.ts";
import type { FoundHost } from "../../os/files/latest-heartbeat.ts";
import { openRefusedHosts } from "../../os/files/refused-hosts.ts";
import { refusedFix } from "../../os/process/as-typed.ts";
import type { Log } from "../../runtime/log/log.ts";
import { parseTokenFile } from "../access/auth.ts";
import { openTokenTable } from "../access/token-table.ts";
import { cannotRead, needDataRoot } from "../disk/data-root.ts";
import { readDuplicates } from "../heartbeats/duplicate-hosts.ts";
import { refusedLookup, withNeverSeen, withRefusal } from "../heartbeats/never-seen.ts";
import { type HeartbeatStore, openHeartbeats } from "../heartbeats/store.ts";
import type { Identity } from "../identity/decide.ts";
import { readIdentity } from "../identity/files.ts";
import { readRunNotes } from "../readiness/readiness-watch.ts";
import { type Collector, lookAtCollector } from "../readiness/storing.ts";
import type { ReceiverConfig } from "../settings.ts";
import { type LastRun, lastRun, whyNotRunning } from "./not-running.ts";

/**
 * Prints all hosts, or one of them. @returns exit code 0: what is wrong with a host is an answer
 * @throws UserError when the host is not known, or the files cannot be read
 */
export async function hostsCommand(
  config: ReceiverConfig,
  { host, json, log }: { host: string | undefined; json: boolean; log: Log },
): Promise<number> {
  const { dataRoot } = config;
  const dir = dataPaths(dataRoot).heartbeats;
  needDataRoot(dataRoot);
  const store = openHeartbeats(dir, log);
  const nowMs = Date.now();
  const at = isoWall(nowMs);
  const own = ownStore(dataRoot);
  const refused = openRefusedHosts(dataPaths(dataRoot).attempts);
  const { refusedBeats } = readRunNotes(config.runDir, nowMs);
  const found = readDuplicates(dataPaths(dataRoot).duplicates);
  const duplicate = (name: string) => duplicateOf(name, found.get(name) ?? NOBODY, nowMs);
  if (host !== undefined) {
    const known = hostView(
      host,
      await readable(
        dir,
        foundOrNamed(store, host, () => whyNever(config, host, log)),
      ),
      nowMs,
      own,
    );
    const view = withDuplicate(await withRefusal(known, refused, nowMs, refusedBeats), duplicate(host));
    await print(json ? `${JSON.stringify({ at, ...view })}\n` : renderHost(view));
    return EXIT.ok;
  }
  const heard = (await readable(dir, store.list())).map((brief) => summarise(brief, nowMs, own));
  const all = await withNeverSeen(heard, await namedHosts(config, log), refused, nowMs, refusedBeats);
  const hosts = all.map((row) => withDuplicate(row, duplicate(row.host)));
  const collector = await lookAtCollector(config, nowMs);
  const text = hosts.length === 0 ? `no heartbeat has come yet: there is none in ${dir}\n` : renderHosts(hosts);
  if (json) await print(`${JSON.stringify({ at, collector, hosts })}\n`);
  else await print(renderCollector(collector, await lastRun(dataRoot, collector.pid !== null)) + text);
  return EXIT.ok;
}

/** The hosts that have a token, and those that had. */
async function namedHosts({ requireToken, tokensDir }: ReceiverConfig, log: Log): Promise<Named> {
  if (!requireToken) return { withToken: [], others: [] };
  try {
    readdirSync(tokensDir);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    if (errorCode(error) !== "ENOENT")
      log.warn({
        what: `hosts that were never heard of cannot be told: ${quoted(errorText(error))}`,
        fix: refusedFix(errorCode(error)),
      });
    return { withToken: [], others: [] };
  }
  const tokens = openTokenTable(tokensDir, parseTokenFile);
  await tokens.look();
  tokens.close();
  return { withToken: tokens.hosts(), others: tokens.revoked() };
}

/** Why nothing is known of a host that has a token, or was refused of late; null: it is neither. */
async function whyNever(config: ReceiverConfig, host: string, log: Log): Promise<Finding | null> {
  const { withToken, others } = await namedHosts(config, log);
  if (host === OPERATOR || ![...withToken, ...others].includes(host)) return null;
  const nowMs = Date.now();
  const lookUp = await refusedLookup(openRefusedHosts(dataPaths(config.dataRoot).attempts), nowMs);
  const { refusedBeats } = readRunNotes(config.runDir, nowMs);
  const of = lookUp(host);
  if (of === null && !withToken.includes(host)) return null;
  return neverSummary(host, of, refusedBeats.get(host) ?? null).problem;
}

/** What is wrong with the collector itself, before the hosts: it may be why they are late. Nothing: "". */
function renderCollector({ pid, ready, why, fix, no_room, certificate }: Collector, last: LastRun): string {
  const found: Finding[] = [];
  if (pid === null) {
    const { what, fix } = whyNotRunning(last);
    found.push({ what: `the receiver is ${what}`, fix });
  }
  if (ready !== true)
    found.push({ what: `this collector cannot store: ${why ?? "no reason is known"}`, fix: readFix(fix) });
  else if (no_room !== null) found.push({ what: `this collector's disk: ${no_room.what}`, fix: readFix(no_room.fix) });
  if (certificate?.what) found.push({ what: certificate.what, fix: readFix(certificate.fix) });
  return found.map((one) => `${printable(findingText(one, "collector"))}\n`).join("");
}

/** Whose store this is; null where that cannot be told: then nobody is said to trust another. */
function ownStore(dataRoot: string): Identity | null {
  const found = readIdentity(dataRoot);
  return found.kind === "known" ? found.identity : null;
}

function readable<T>(dir: string, reading: Promise<T>): Promise<T> {
  return reading.catch((error: unknown) => {
    throw error instanceof UserError ? error : cannotRead(dir, error);
  });
}

async function foundOrNamed(
  store: HeartbeatStore,
  host: string,
  whyNone: () => Promise<Finding | null>,
): Promise<StoredHeartbeat> {
  // A name that may not be is no file's either.
  const known = await store.names();
  const found: FoundHost = known.includes(host) ? await store.find(host) : { kind: "none" };
  if (found.kind === "found") return found.stored;
  if (found.kind === "unreadable") {
    throw new UserError(
      `the latest heartbeat of ${host} cannot be read: a power cut may have torn it`,
      "its next heartbeat writes it anew; the earlier ones are in the daily files beside it",
    );
  }
  const why = await whyNone();
  if (why !== null) throw new UserError(`${host}: ${why.what}`, why.fix);
  if (known.length === 0) {
    throw new UserError(`no heartbeat of ${quoted(host)} has come, and none of any other host`, {
      text: "name the collector's config with --config PATH, or see whether the host can send one",
      commands: [onHost("sudo", "heartbeat", "once")],
    });
  }
  const guess = nearest(host, known);
  const meant = guess === null ? "" : `; did you mean ${guess}?`;
  throw new UserError(`no heartbeat of ${quoted(host)} has come${meant}`, {
    text: "see all",
    commands: [here("sudo", "receiver", "hosts")],
  });
}
