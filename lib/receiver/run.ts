// Wires the receiver together: config, lock, store, port, drain. The only place that binds a port.

import { join } from "node:path";
import type { CommandLine } from "../cli/options.ts";
import { errorCode, errorText } from "../core/failure.ts";
import { stopBudget } from "../core/stop-budget.ts";
import { quoted } from "../core/text/fields.ts";
import { writeFileDurable } from "../os/files/files.ts";
import { type DaemonContext, type Running, runDaemon } from "../runtime/daemon.ts";
import type { Log } from "../runtime/log/log.ts";
import { takeOver } from "../runtime/reload.ts";
import { createTokenCheck, parseTokenFile } from "./access/auth.ts";
import { createGate } from "./access/gate.ts";
import { warnOfOpenDoors } from "./access/open-doors.ts";
import { openTokenTable, type TokenTable } from "./access/token-table.ts";
import { openTokenUse, type TokenUseNotes } from "./access/token-use.ts";
import { type AppDeps, createApp } from "./app.ts";
import { startChores } from "./chores.ts";
import { drainPhases } from "./drain.ts";
import type { NotReady } from "./episode-store.ts";
import { type Admission, createAdmission } from "./episodes/admission.ts";
import { DamageNotes } from "./episodes/damage-notes.ts";
import { createDownloads, type Downloads } from "./episodes/downloads.ts";
import { createHeartbeatAdmission } from "./heartbeats/admission.ts";
import { type DuplicateHosts, openDuplicateHosts } from "./heartbeats/duplicate-hosts.ts";
import { withNeverSeen, withRefusal } from "./heartbeats/never-seen.ts";
import { type HeartbeatStore, openHeartbeats } from "./heartbeats/store.ts";
import type { Identity } from "./identity/decide.ts";
import { openIdentity, watchIdentity } from "./identity/files.ts";
import { watchCertificate } from "./listen/certificate-watch.ts";
import { type Listener, listen } from "./listen/listen.ts";
import { listenOptions } from "./listen/listen-options.ts";
import { readTls } from "./listen/tls-files.ts";
import type { TlsMaterial } from "./listen/tls-server.ts";
import { watchReadiness } from "./readiness/readiness-watch.ts";
import { collectNotes } from "./readiness/run-notes.ts";
import { type Attempts, openAttempts } from "./refusals/attempts.ts";
import { openRefusals, type Refusals } from "./refusals/refusals.ts";
import { createRefusedBeats, type RefusedBeats } from "./refusals/refused-beats.ts";
import { openRefusedHosts } from "./refusals/refused-hosts.ts";
import { type Room, shortOf } from "./room.ts";
import { addressOption, dataPaths, FIXED_SETTINGS, isCommitRequired, type ReceiverConfig } from "./settings.ts";
import { openPresence, otherStore, type Presence } from "./store/files/presence.ts";
import { createChangeWatch } from "./store/index/changed-files.ts";
import { makeDataDirs, type OpenedStore, openStore } from "./store/open-store.ts";

/** A commit that takes longer than this is a hung disk, seconds. */
const COMMIT_LIMIT_S = 120;

/** Runs the receiver until it is told to stop; resolves with the exit code. */
export async function serve(line: CommandLine, log: Log, readConfig: () => Promise<ReceiverConfig>): Promise<number> {
  const { listen } = line.options;
  const override = typeof listen === "string" ? { listen: addressOption(listen) } : {};
  const read = async (): Promise<ReceiverConfig> => ({ ...(await readConfig()), ...override });
  const config = await read();
  const tls = readTls(config.tls);
  await makeDataDirs(config.dataRoot);
  warnOfOpenDoors(config, log);
  const { dataRoot, runDir } = config;
  const budget = stopBudget(config.drainTimeoutS);
  const replace = line.options.replace === true;
  return runDaemon({ tool: "receiver", log, budget, dataRoot, runDir, replace }, (context) =>
    start(config, tls, context, read),
  );
}

/** Opens all that stands on the disk; nothing answers yet. */
async function openParts(config: ReceiverConfig, { log, progress }: DaemonContext): Promise<Parts> {
  const { dataRoot } = config;
  const paths = dataPaths(dataRoot);
  const begin = (name: string) => progress.begin(name, COMMIT_LIMIT_S);
  const identity = watchIdentity(dataRoot, await openIdentity(dataRoot, log), log);
  const presence = openPresence(dataRoot);
  const { needHere } = presence;
  const opened = await openStore({ dataRoot, log, begin, presence, reserveBytes: () => config.diskReserveBytes });
  const room = (): Room => opened.store.free();
  const admission = createAdmission(config, room, progress.moved);
  const leftFree = (): Room => {
    const { freeBytes, freeInodes } = room();
    return { freeBytes: freeBytes - admission.outstandingBytes, freeInodes };
  };
  const hasRoom = (): boolean => shortOf(leftFree(), config.diskReserveBytes) === null;
  const attempts = openAttempts({ dir: paths.attempts, log, needHere, hasRoom });
  await attempts.prune(Date.now());
  const refusals = openRefusals({ attempts, log, nowMs: () => Date.now() });
  const heartbeats = openHeartbeats(paths.heartbeats, log, () => config.historyBytes, needHere);
  await heartbeats.prune(Date.now());
  const tokens = config.requireToken ? openTokenTable(config.tokensDir, parseTokenFile) : null;
  void tokens?.look();
  const tokenUse = openTokenUse(paths.tokenUse, log, Date.now, needHere);
  const downloads = createDownloads({ total: config.downloadsTotal, perHost: config.downloadsPerHost }, progress.moved);
  const duplicates = openDuplicateHosts(paths.duplicates, log, needHere);
  const refusedBeats = createRefusedBeats();
  const stored = { opened, attempts, refusals, heartbeats, refusedBeats, admission, downloads, room, leftFree };
  const damage = new DamageNotes(log);
  return { ...stored, damage, tokens, tokenUse, duplicates, log, identity, presence };
}

async function start(
  config: ReceiverConfig,
  tls: TlsMaterial | null,
  context: DaemonContext,
  readConfig: () => Promise<ReceiverConfig>,
): Promise<Running> {
  const { log } = context;
  const parts = await openParts(config, context);
  const { opened, heartbeats, presence, duplicates } = parts;
  const certificate = watchCertificate(config.tls?.certificate ?? null, tls, { log, nowMs: Date.now });
  const life = { stopping: false, diskRefused: (): void => undefined };
  const deps = appDeps(config, {
    ...parts,
    stopping: () => life.stopping,
    diskRefused: () => life.diskRefused(),
  });
  const listener = await listen(createApp(deps).fetch, listenOptions(config, tls, parts));
  await announce(config, listener, opened, log);
  log.info(await heartbeats.describe(Date.now()));
  const endIfChanged = createChangeWatch(opened.logs, context.fail);
  const look = (): NotReady | null => {
    const standing = presence.look();
    if (standing === "another") context.fail(otherStore(config.dataRoot));
    if (standing === "ours") endIfChanged();
    return opened.glance();
  };
  certificate.look();
  const sources = { ...parts, certificate, reserveBytes: () => config.diskReserveBytes };
  const notes = () => collectNotes(sources, Date.now());
  const watch = watchReadiness({ ...config, log, glance: look, probe: opened.store.ready, nowMs: Date.now, notes });
  life.diskRefused = watch.doubt;
  await watch.look();
  void compareAll(opened, log);
  // Not waited for: who asks for the list in the first seconds waits for it.
  void heartbeats.warm();
  const stopChores = startChores(context, { ...parts, watch, certificate }, [parts.attempts, heartbeats]);
  const beginStop = (): void => {
    life.stopping = true;
    stopChores();
    opened.stopReading();
    parts.tokens?.close();
    duplicates.write();
    duplicates.close();
  };
  const reload = async (): Promise<string[]> => {
    const fresh = await readConfig();
    // Certificates run out while a collector runs: the same files are read anew.
    const renewed = readTls(config.tls);
    const waiting = takeOver(config, fresh, FIXED_SETTINGS);
    if (renewed !== null) {
      listener.renew(renewed);
      certificate.renewed(renewed);
    }
    Object.assign(deps, gateSettings(config));
    return waiting;
  };
  return { drain: drainPhases(config, { ...parts, listener }, beginStop), reload };
}

/** Ten million files take a while; what is wrong with them is no reason to take no others. */
async function compareAll({ compare, index }: OpenedStore, log: Log): Promise<void> {
  try {
    const { adopted, missing } = await compare();
    log.debug(`the archives were compared with ${index.table.size} rows`, { adopted, missing });
  } catch (error) {
    if (errorCode(error) === null) throw error;
    log.error(`the archives cannot be compared with the index: ${quoted(errorText(error))}; see: sudo receiver verify`);
  }
}

/** What the application reads anew for each request. */
function gateSettings(config: ReceiverConfig) {
  const { commitHeaders, maxEpisodeBytes } = config;
  return { commitHeaders, commitRequired: isCommitRequired(config), maxBytes: maxEpisodeBytes };
}

interface Parts {
  opened: OpenedStore;
  attempts: Attempts;
  refusals: Refusals;
  heartbeats: HeartbeatStore;
  refusedBeats: RefusedBeats;
  admission: Admission;
  downloads: Downloads;
  damage: DamageNotes;
  /** What the data root's disk takes, and the same less what running uploads still have to write. */
  room: () => Room;
  leftFree: () => Room;
  tokens: TokenTable | null;
  tokenUse: TokenUseNotes;
  duplicates: DuplicateHosts;
  log: Log;
  identity: () => Identity;
  presence: Presence;
}

/** What the parts and what follows them tell one another. */
type AppParts = Parts & Pick<AppDeps, "stopping" | "diskRefused">;

function appDeps(
  config: ReceiverConfig,
  { opened, heartbeats, refusedBeats, leftFree, tokens, tokenUse, ...parts }: AppParts,
): AppDeps {
  const { dataRoot, diskReserveBytes } = config;
  const refused = openRefusedHosts(dataPaths(dataRoot).attempts);
  return {
    ...gateSettings(config),
    ...parts,
    heartbeats: {
      store: heartbeats,
      admission: createHeartbeatAdmission(diskReserveBytes, leftFree),
      listed: async (hosts, nowMs) => {
        await tokens?.look(); // the first one may not be through yet
        return withNeverSeen(hosts, tokens?.hosts() ?? [], refused, nowMs, refusedBeats.lately(nowMs));
      },
      withRefusal: (view, nowMs) => withRefusal(view, refused, nowMs, refusedBeats.lately(nowMs)),
      refused: refusedBeats,
    },
    checkToken: tokens === null ? null : createTokenCheck(config.tokensDir, parts.log, tokens, tokenUse.used),
    knownHost: (host) => tokens?.has(host) === true,
    accepted: createGate(config.acceptedCommitsFile, parts.log),
    store: opened.store,
    nowMs: () => Date.now(),
  };
}

/** Writes where we listen, for tests and for whoever starts us on port 0, and says what was found. */
async function announce(
  config: ReceiverConfig,
  { address }: Listener,
  { index, recovered }: OpenedStore,
  log: Log,
): Promise<void> {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  await writeFileDurable(join(config.runDir, "listen"), `${host}:${address.port}\n`, 0o644).catch((error: unknown) => {
    if (errorCode(error) === null) throw error;
    // For `receiver status` alone: no reason to take no episodes.
    log.warn(
      `cannot write ${join(config.runDir, "listen")}: ${quoted(errorText(error))}; fix: make room in ${config.runDir}, then restart`,
    );
  });
  log.info(`${index.table.size} episodes stored in ${config.dataRoot}`, { ...recovered });
  const how = config.tls === null ? "http" : config.tls.clientCa === null ? "https" : "https with client certificates";
  log.info(`listening on ${host}:${address.port} (${how})`);
}
