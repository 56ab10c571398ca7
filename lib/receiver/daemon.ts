// The receiver as a daemon: store, port, readiness, reload, drain. The only place that binds a port.

import { join } from "node:path";
import { dataPaths } from "../contract/places.ts";
import { errorCode, errorText } from "../core/failure.ts";
import { inWords } from "../core/finding.ts";
import { quoted } from "../core/text/fields.ts";
import { counted } from "../core/text/quantity.ts";
import { writeFileDurable } from "../os/files/files.ts";
import type { LiveSettings, Settings } from "../runtime/config/settings.ts";
import type { DaemonContext, Running } from "../runtime/daemon.ts";
import type { Log } from "../runtime/log/log.ts";
import { closeParts, openApp, openParts, type Parts } from "./build.ts";
import { startChores } from "./chores.ts";
import { otherStore } from "./disk/presence.ts";
import { VERIFY } from "./disk/repair-line.ts";
import { drainPhases } from "./drain.ts";
import { pruneCodes } from "./enrolment/codes.ts";
import type { NotReady, OpenedStore } from "./episode-store.ts";
import { type CertificateWatch, watchCertificate } from "./listen/certificate-watch.ts";
import { type Listener, listen } from "./listen/listen.ts";
import { listenOptions } from "./listen/listen-options.ts";
import { readTls } from "./listen/tls-files.ts";
import type { TlsMaterial } from "./listen/tls-server.ts";
import { openKnownHosts } from "./readiness/known-hosts.ts";
import { type ReadinessWatch, watchReadiness } from "./readiness/readiness-watch.ts";
import { collectNotes } from "./readiness/run-notes.ts";
import { openTicks } from "./readiness/ticks.ts";
import type { ReceiverConfig } from "./settings.ts";

/** Starts the receiver on a data root that is locked. */
export async function startReceiver(
  settings: LiveSettings<ReceiverConfig>,
  tls: TlsMaterial | null,
  context: DaemonContext,
): Promise<Running> {
  const { log } = context;
  const config = settings.current();
  const parts = await openParts(settings, context);
  const { opened, heartbeats } = parts;
  const certificate = watchCertificate(config.tls?.certificate ?? null, tls, { log, nowMs: Date.now });
  const watch = watchStore(settings, parts, certificate, context);
  let isStopping = false;
  const app = openApp(settings, parts, { stopping: () => isStopping, diskRefused: watch.doubt });
  const listener = await listen(app.fetch, listenOptions(config, tls, parts));
  await announce(config, listener, opened, log);
  log.info(await heartbeats.describe(Date.now()));
  certificate.look();
  await watch.look();
  void compareAll(opened, log);
  // Not waited for: who asks for the list in the first seconds waits for it.
  void heartbeats.warm();
  const writeTick = openTicks(dataPaths(config.dataRoot).ticks, log, parts.presence.needHere);
  const writeHosts = knownHostsOf(config, parts, () => watch.found === null);
  const watched = { ...parts, watch, certificate, writeTick, writeHosts, pruneCodes: codesOf(config, log) };
  const stopChores = startChores(context, watched, [parts.attempts, heartbeats]);
  const beginStop = (): void => {
    isStopping = true;
    stopChores();
    closeParts(parts);
  };
  const reload = async (): Promise<readonly string[]> => {
    const fresh = await settings.read();
    // Certificates run out while a collector runs: the same files are read anew.
    const renewed = readTls(settings.current().tls);
    const waiting = settings.replace(fresh);
    if (renewed !== null) {
      listener.renew(renewed);
      certificate.renewed(renewed);
    }
    // Whoever reloads asks `receiver status` next whether that has helped. A disk that hangs does not hold it up.
    void watch.look();
    writeHosts(Date.now());
    return waiting;
  };
  return { drain: drainPhases(settings, { ...parts, listener }, beginStop), reload };
}

/**
 * What writes down which hosts there are: whose tokens is not known before the first look at them has ended, and what is left of a disk
 * below its reserve is not for that.
 */
function knownHostsOf({ dataRoot }: ReceiverConfig, parts: Parts, isReady: () => boolean): (nowMs: number) => void {
  const { tokens, identity, admission, log, presence } = parts;
  let isKnown = tokens === null;
  const withToken = (): readonly string[] => tokens?.hosts() ?? [];
  const sources = { store: identity, withToken, moving: admission.moving };
  const write = openKnownHosts(dataPaths(dataRoot).hosts, sources, log, presence.needHere);
  const writeIfReady = (nowMs: number): void => {
    if (isKnown && isReady()) write(nowMs);
  };
  void tokens?.look().then(() => {
    isKnown = true;
    writeIfReady(Date.now());
  });
  return writeIfReady;
}

/** Keeps an eye on whether this is our store still, and whether it takes any more. */
function watchStore(
  settings: Settings<ReceiverConfig>,
  { opened, presence, ...parts }: Parts,
  certificate: CertificateWatch,
  { log, fail }: DaemonContext,
): ReadinessWatch {
  const { dataRoot, runDir } = settings.current();
  const endIfChanged = opened.watchChanges(fail);
  const look = (): NotReady | null => {
    const standing = presence.look();
    if (standing === "another") fail(otherStore(dataRoot));
    if (standing === "ours") endIfChanged();
    return opened.glance();
  };
  const sources = { ...parts, certificate, reserveBytes: () => settings.current().diskReserveBytes };
  const notes = () => collectNotes(sources, Date.now());
  return watchReadiness({ runDir, log, glance: look, probe: opened.store.ready, nowMs: Date.now, notes });
}

/** Ten million files take a while; what is wrong with them is no reason to take no others. */
async function compareAll(opened: OpenedStore, log: Log): Promise<void> {
  try {
    const { adopted, missing } = await opened.compare();
    log.debug(`the archives were compared with ${counted(opened.size(), "row")}`, { adopted, missing });
  } catch (error) {
    if (errorCode(error) === null) throw error;
    log.error({ what: `the archives cannot be compared with the index: ${quoted(errorText(error))}`, fix: VERIFY });
  }
}

/** Writes where we listen, for tests and for whoever starts us on port 0, and says what was found. */
async function announce(
  config: ReceiverConfig,
  { address }: Listener,
  { size, recovered }: OpenedStore,
  log: Log,
): Promise<void> {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  await writeFileDurable(join(config.runDir, "listen"), `${host}:${address.port}\n`, 0o644).catch((error: unknown) => {
    if (errorCode(error) === null) throw error;
    // For `receiver status` alone: no reason to take no episodes.
    log.warn({
      what: `cannot write ${join(config.runDir, "listen")}: ${quoted(errorText(error))}`,
      fix: inWords(`make room in ${config.runDir}, then restart`),
    });
  });
  log.info(`${counted(size(), "episode")} stored in ${config.dataRoot}`, { ...recovered });
  const how = config.tls === null ? "http" : config.tls.clientCa === null ? "https" : "https with client certificates";
  log.info(`listening on ${host}:${address.port} (${how})`);
}

/** A code that could not be removed is refused all the same, as long as the clock is right. */
function codesOf({ dataRoot }: ReceiverConfig, log: Pick<Log, "warn">): (nowMs: number) => Promise<void> {
  const dir = dataPaths(dataRoot).enrolment;
  return (nowMs) =>
    pruneCodes(dir, nowMs).catch((error: unknown) => {
      if (errorCode(error) === null) throw error;
      log.warn(`cannot remove codes whose time is over from ${dir}: ${quoted(errorText(error))}`);
    });
}
