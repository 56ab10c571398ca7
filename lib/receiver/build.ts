// Opens what the receiver is made of, and gives it to the application.

import type { Hono } from "hono";
import { isName } from "../contract/names.ts";
import { dataPaths } from "../contract/places.ts";
import { watcherWarning } from "../fleet/watcher.ts";
import { namesIn } from "../os/files/files.ts";
import { openRefusedHosts } from "../os/files/refused-hosts.ts";
import type { Settings } from "../runtime/config/settings.ts";
import type { DaemonContext } from "../runtime/daemon.ts";
import type { Log } from "../runtime/log/log.ts";
import { createTokenCheck, parseTokenFile } from "./access/auth.ts";
import { createGate } from "./access/gate.ts";
import { openTokenTable, type TokenTable } from "./access/token-table.ts";
import { openTokenUse, type TokenUseNotes } from "./access/token-use.ts";
import type { AppEnv } from "./answering/answering.ts";
import { createApp } from "./app.ts";
import { BACKEND } from "./backend.ts";
import { openPresence, type Presence } from "./disk/presence.ts";
import { openEnrolling } from "./enrolment/enrolling.ts";
import { ownNames } from "./enrolment/own-names.ts";
import { addEnrolmentRoutes, type EnrolmentDeps } from "./enrolment/routes.ts";
import type { OpenedStore } from "./episode-store.ts";
import { type Admission, createAdmission } from "./episodes/admission.ts";
import { DamageNotes } from "./episodes/damage-notes.ts";
import { createDownloads, type Downloads } from "./episodes/downloads.ts";
import { addEpisodeRoutes } from "./episodes/routes.ts";
import { createHeartbeatAdmission } from "./heartbeats/admission.ts";
import { type DuplicateHosts, openDuplicateHosts } from "./heartbeats/duplicate-hosts.ts";
import { addHostRoutes, type HostsDeps } from "./heartbeats/hosts.ts";
import { withNeverSeen, withRefusal } from "./heartbeats/never-seen.ts";
import { addHeartbeatRoutes, type HeartbeatDeps } from "./heartbeats/routes.ts";
import { type HeartbeatStore, openHeartbeats } from "./heartbeats/store.ts";
import type { Identity } from "./identity/decide.ts";
import { openIdentity, watchIdentity } from "./identity/files.ts";
import { addJudgeRoute } from "./judge/routes.ts";
import { readAuthorityCertificate } from "./listen/own-authority.ts";
import { readHealthRun } from "./readiness/health-check.ts";
import { type Attempts, openAttempts } from "./refusals/attempts.ts";
import { openRefusals, type Refusals } from "./refusals/refusals.ts";
import { createRefusedBeats, type RefusedBeats } from "./refusals/refused-beats.ts";
import { addReleaseRoutes } from "./releases/routes.ts";
import { type Room, shortOf } from "./room.ts";
import { type ReceiverConfig, rulesOf } from "./settings.ts";

/** A commit that takes longer than this is a hung disk, seconds. */
const COMMIT_LIMIT_S = 120;

/** Opens all that stands on the disk; nothing answers yet. */
export async function openParts(settings: Settings<ReceiverConfig>, { log, progress }: DaemonContext): Promise<Parts> {
  const { dataRoot, requireToken, tokensDir, downloadsTotal: total, downloadsPerHost: perHost } = settings.current();
  const reserveBytes = (): number => settings.current().diskReserveBytes;
  const paths = dataPaths(dataRoot);
  const begin = (name: string) => progress.begin(name, COMMIT_LIMIT_S);
  const identity = watchIdentity(dataRoot, await openIdentity(dataRoot, log), log);
  const presence = openPresence(dataRoot);
  const { needHere } = presence;
  const opened = await BACKEND.open({ dataRoot, log, begin, presence, reserveBytes });
  const room = (): Room => opened.store.free();
  const admission = createAdmission(() => settings.current(), room, progress.moved);
  const leftFree = (): Room => {
    const { freeBytes, freeInodes } = room();
    return { freeBytes: freeBytes - admission.outstandingBytes, freeInodes };
  };
  const hasRoom = (): boolean => shortOf(leftFree(), reserveBytes()) === null;
  const attempts = openAttempts({ dir: paths.attempts, log, needHere, hasRoom });
  await attempts.prune(Date.now());
  const refusals = openRefusals({ attempts, log, nowMs: () => Date.now() });
  const heartbeats = openHeartbeats(paths.heartbeats, log, () => settings.current().historyBytes, needHere);
  await heartbeats.prune(Date.now());
  const tokens = requireToken ? openTokenTable(tokensDir, parseTokenFile) : null;
  void tokens?.look();
  const tokenUse = openTokenUse(paths.tokenUse, log, Date.now, needHere);
  const downloads = createDownloads({ total, perHost }, progress.moved);
  const duplicates = openDuplicateHosts(paths.duplicates, log, needHere);
  const refusedBeats = createRefusedBeats();
  const stored = { opened, attempts, refusals, heartbeats, refusedBeats, admission, downloads, room, leftFree };
  const damage = new DamageNotes(log);
  return { ...stored, damage, tokens, tokenUse, duplicates, log, identity, presence };
}

/** What is open of them beside what the drain closes. */
export function closeParts({ opened, tokens, duplicates }: Parts): void {
  opened.stopReading();
  tokens?.close();
  duplicates.write();
  duplicates.close();
}

export interface Parts {
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

/** What the parts are told by what follows them. */
interface Life {
  stopping: () => boolean;
  diskRefused: () => void;
}

/** The application: what holds for all routes, and each group with its own. */
export function openApp(
  settings: Settings<ReceiverConfig>,
  parts: Parts,
  { stopping, diskRefused }: Life,
): Hono<AppEnv> {
  const { opened, attempts, refusals, admission, downloads, damage, room, duplicates, tokens, log, identity } = parts;
  const { tokensDir, acceptedCommitsFile } = settings.current();
  const { store } = opened;
  const nowMs = (): number => Date.now();
  const asking = {
    ...{ identity, refusals, log, nowMs },
    rules: () => rulesOf(settings.current()),
    checkToken: tokens === null ? null : createTokenCheck(tokensDir, log, tokens, parts.tokenUse.used),
    knownHost: (host: string) => tokens?.has(host) === true,
  };
  const judging = { ...asking, store, admission, stopping, accepted: createGate(acceptedCommitsFile, log) };
  const storing = { attempts, duplicates, room, diskRefused };
  const watcher = (): string | null => {
    const run = readHealthRun(settings.current().dataRoot);
    return run === "unknown" ? null : watcherWarning(run, nowMs());
  };
  return createApp({ ...asking, store, stopping, watcher }, [
    (app) => addEpisodeRoutes(app, { ...judging, ...storing, downloads, damage }),
    (app) => addJudgeRoute(app, judging),
    (app) => addHeartbeatRoutes(app, { ...asking, ...storing, stopping, heartbeats: taking(settings, parts) }),
    (app) => addEnrolmentRoutes(app, { ...asking, ...storing, ...enrolling(settings, parts), stopping }),
    (app) => addReleaseRoutes(app, { ...asking, downloads, shelf: () => settings.current().releasesDir }),
    (app) => addHostRoutes(app, { ...asking, duplicates, heartbeats: telling(settings, parts) }),
  ]);
}

/** What takes new hosts. */
function enrolling(
  settings: Settings<ReceiverConfig>,
  { heartbeats, log }: Parts,
): Pick<EnrolmentDeps, "enrol" | "authority"> {
  const { dataRoot, tokensDir, tls } = settings.current();
  const { enrolment: codesDir, episodes } = dataPaths(dataRoot);
  const seenHosts = async (): Promise<string[]> => [
    ...(await namesIn(episodes)).filter(isName),
    ...(await heartbeats.names()),
  ];
  return {
    enrol: openEnrolling({
      ...{ codesDir, tokensDir, seenHosts, log, nowMs: () => Date.now() },
      ownNames: () => ownNames(tls?.certificate ?? null),
    }),
    authority: async () => (tls === null ? null : readAuthorityCertificate(tls.certificate)),
  };
}

/** What takes heartbeats. */
function taking(
  settings: Settings<ReceiverConfig>,
  { heartbeats, refusedBeats, leftFree }: Parts,
): HeartbeatDeps["heartbeats"] {
  const admission = createHeartbeatAdmission(() => settings.current().diskReserveBytes, leftFree);
  return { store: heartbeats, admission, refused: refusedBeats };
}

/** What tells of hosts. */
function telling(
  settings: Settings<ReceiverConfig>,
  { heartbeats, refusedBeats, tokens }: Parts,
): HostsDeps["heartbeats"] {
  const refused = openRefusedHosts(dataPaths(settings.current().dataRoot).attempts);
  return {
    store: heartbeats,
    listed: async (hosts, nowMs) => {
      await tokens?.look(); // the first one may not be through yet
      const named = { withToken: tokens?.hosts() ?? [], others: tokens?.revoked() ?? [] };
      return withNeverSeen(hosts, named, refused, nowMs, refusedBeats.lately(nowMs));
    },
    withRefusal: (view, nowMs) => withRefusal(view, refused, nowMs, refusedBeats.lately(nowMs)),
  };
}
