// What the receiver is tested with: a receiver on port 0 over a temporary data root, raw sockets, and a log that is kept.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AttemptLine, type AttemptRow, parseAttempt, type RefusalSum } from "../../lib/contract/attempt-row.ts";
import { formatReprDigest } from "../../lib/contract/digest.ts";
import type { IndexRow } from "../../lib/contract/index-row.ts";
import { dataPaths } from "../../lib/contract/places.ts";
import type { Place } from "../../lib/core/finding.ts";
import { connectionRefusal } from "../../lib/receiver/answering/answers.ts";
import { type AppDeps, createApp } from "../../lib/receiver/app.ts";
import type { AdmissionLimits } from "../../lib/receiver/decide.ts";
import { openEnrolling } from "../../lib/receiver/enrolment/enrolling.ts";
import { addEnrolmentRoutes, type EnrolmentDeps } from "../../lib/receiver/enrolment/routes.ts";
import type { Compared, EpisodeStore, Recovered } from "../../lib/receiver/episode-store.ts";
import { createAdmission } from "../../lib/receiver/episodes/admission.ts";
import { DamageNotes } from "../../lib/receiver/episodes/damage-notes.ts";
import { createDownloads } from "../../lib/receiver/episodes/downloads.ts";
import { addEpisodeRoutes, type EpisodeDeps } from "../../lib/receiver/episodes/routes.ts";
import { createHeartbeatAdmission } from "../../lib/receiver/heartbeats/admission.ts";
import { openDuplicateHosts } from "../../lib/receiver/heartbeats/duplicate-hosts.ts";
import { addHostRoutes, type HostsDeps } from "../../lib/receiver/heartbeats/hosts.ts";
import { addHeartbeatRoutes, type HeartbeatDeps } from "../../lib/receiver/heartbeats/routes.ts";
import { openHeartbeats } from "../../lib/receiver/heartbeats/store.ts";
import { addJudgeRoute, type JudgeDeps } from "../../lib/receiver/judge/routes.ts";
import { type Listener, type ListenOptions, listen } from "../../lib/receiver/listen/listen.ts";
import { type Attempts, openAttempts } from "../../lib/receiver/refusals/attempts.ts";
import { openRefusals, type Refusals } from "../../lib/receiver/refusals/refusals.ts";
import { createRefusedBeats } from "../../lib/receiver/refusals/refused-beats.ts";
import { addReleaseRoutes, type ReleaseDeps } from "../../lib/receiver/releases/routes.ts";
import { DEFAULT_COMMIT_HEADERS, type EpisodeRules } from "../../lib/receiver/settings.ts";
import type { Disk } from "../../lib/receiver/store/files/disk.ts";
import { makeDataDirs, type OpenedFiles, openStore } from "../../lib/receiver/store/open-store.ts";
import type { ArchiveReader } from "../../lib/receiver/store/reading/archive-reader.ts";
import type { Log, LogMessage } from "../../lib/runtime/log/log.ts";
import { inText } from "../support/in-text.ts";

const cleanups: (() => unknown)[] = [];

/** Ends all that a test began, last one first. */
export async function cleanUp(): Promise<void> {
  for (const clean of cleanups.splice(0).reverse()) await clean();
}

export function onCleanUp(clean: () => unknown): void {
  cleanups.push(clean);
}

/** A directory that is removed after the test. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "labfleet-receiver-"));
  onCleanUp(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Waits for a condition; one that never comes is ended by the test's own time limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(2);
}

export interface KeptLog extends Log {
  lines: string[];
}

export function keptLog(reader: Place = "collector"): KeptLog {
  const lines: string[] = [];
  const at = (level: string) => (message: LogMessage) => void lines.push(`${level}: ${inText(message, reader)}`);
  return { lines, error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

export const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");
export const reprDigest = (bytes: Uint8Array | string): string => formatReprDigest(sha256(bytes));

/** Bytes that are the same each time. */
export const bytes = (length: number, seed = 1): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 255));

/** Whose store a test's receiver is, unless the test says another. */
export const IDENTITY = { id: "0123456789abcdef0123456789abcdef", succeeds: [] };

/** Nothing speaks against an episode by itself. */
export const ANY_EPISODE: EpisodeRules = {
  commitHeaders: DEFAULT_COMMIT_HEADERS,
  commitRequired: false,
  maxBytes: 1e12,
};

/** A disk that is large enough. */
export const ROOM = { freeBytes: 1e15, freeInodes: 1e9 };

const idle = { moved: () => undefined, done: () => undefined };

/** A store as it is a while after READY: all was compared. */
export async function openIn(
  dataRoot: string,
  log: Log = keptLog(),
  disk?: Disk,
  reader?: ArchiveReader,
): Promise<OpenedFiles & { reconciled: Recovered & Compared }> {
  await makeDataDirs(dataRoot);
  const opened = await openStore({
    dataRoot,
    log,
    begin: () => idle,
    ...(disk && { disk }),
    ...(reader && { reader }),
  });
  const { adopted, missing } = await opened.compare();
  const { recovered } = opened;
  return { ...opened, reconciled: { ...recovered, missing, adopted: adopted + recovered.adopted } };
}

export interface TestReceiver {
  port: number;
  url: string;
  dataRoot: string;
  log: KeptLog;
  opened: OpenedFiles;
  attempts: Attempts;
  listener: Listener;
  /** Set to refuse new uploads. */
  state: { stopping: boolean };
  /** The rows of index.jsonl. */
  rows(): IndexRow[];
  refusals: Refusals;
  /** The attempt rows, flushed. */
  attemptRows(): Promise<AttemptRow[]>;
  /** The sums of what nobody known was refused, flushed. */
  sums(): Promise<RefusalSum[]>;
  /** Names in incoming/. */
  incoming(): string[];
}

/** What all groups of routes are given, together: a test changes one thing of it. */
export type ReceiverDeps = AppDeps & EpisodeDeps & JudgeDeps & HeartbeatDeps & HostsDeps & EnrolmentDeps & ReleaseDeps;

/** The application as build.ts makes it. */
export function appOf(deps: ReceiverDeps): ReturnType<typeof createApp> {
  return createApp(deps, [
    (app) => addEpisodeRoutes(app, deps),
    (app) => addJudgeRoute(app, deps),
    (app) => addHeartbeatRoutes(app, deps),
    (app) => addHostRoutes(app, deps),
    (app) => addEnrolmentRoutes(app, deps),
    (app) => addReleaseRoutes(app, deps),
  ]);
}

export interface TestOptions {
  dataRoot?: string;
  deps?: Partial<ReceiverDeps>;
  limits?: Partial<AdmissionLimits>;
  rules?: Partial<EpisodeRules>;
  freeBytes?: () => number;
  freeInodes?: () => number;
  disk?: Disk;
  reader?: ArchiveReader;
  ready?: EpisodeStore["ready"];
  listen?: Partial<ListenOptions>;
}

/** A receiver as build.ts wires it, without tokens and commits unless asked for. */
export async function startReceiver(options: TestOptions = {}): Promise<TestReceiver> {
  const dataRoot = options.dataRoot ?? tempDir();
  const log = keptLog();
  const opened = await openIn(dataRoot, log, options.disk, options.reader);
  const paths = dataPaths(dataRoot);
  const attempts = openAttempts({ dir: paths.attempts, log });
  const refusals = openRefusals({ attempts, log, nowMs: () => Date.now() });
  const state = { stopping: false };
  const limits = { uploadsTotal: 32, uploadsPerHost: 32, diskReserveBytes: 0, ...options.limits };
  const { freeBytes = () => 1e15, freeInodes = () => Number.POSITIVE_INFINITY } = options;
  const room = () => ({ freeBytes: freeBytes(), freeInodes: freeInodes() });
  const app = appOf({
    store: Object.assign(opened.store, { ready: options.ready ?? (async () => null) }),
    log,
    admission: createAdmission(() => limits, room),
    room,
    accepted: () => ({ kind: "any" }),
    checkToken: null,
    knownHost: (host) => host.startsWith("lab"),
    rules: () => ({ ...ANY_EPISODE, ...options.rules }),
    stopping: () => state.stopping,
    watcher: () => null,
    nowMs: () => Date.now(),
    attempts,
    refusals,
    downloads: createDownloads({ total: 16, perHost: 4 }),
    shelf: () => join(dataRoot, "served"),
    enrol: openEnrolling({
      ...{ codesDir: paths.enrolment, tokensDir: join(dataRoot, "tokens.d"), log, nowMs: () => Date.now() },
      ...{ seenHosts: async () => ["seen"], ownNames: () => ["hub"] },
    }),
    authority: async () => null,
    damage: new DamageNotes(log),
    duplicates: openDuplicateHosts(paths.duplicates, log),
    identity: () => IDENTITY,
    heartbeats: {
      store: openHeartbeats(paths.heartbeats, log),
      admission: createHeartbeatAdmission(() => limits.diskReserveBytes, room),
      refused: createRefusedBeats(),
      listed: async (hosts) => [...hosts],
      withRefusal: async (view) => view,
    },
    ...options.deps,
  });
  const listener = await listen(app.fetch, {
    host: "127.0.0.1",
    port: 0,
    tls: null,
    rate: { minBytesPerS: 1, windowS: 60 },
    headerTimeoutS: 10,
    keepAliveTimeoutS: 15,
    connectionsTotal: 4096,
    onBadConnection: ({ detail, ...bad }) => void refusals.note({ ...bad, host: null }, detail),
    refusalAnswer: (refusal) => connectionRefusal(refusal, IDENTITY),
    ...options.listen,
  });
  onCleanUp(async () => {
    listener.close();
    listener.destroy();
    refusals.close();
    await attempts.flush();
  });
  const { port } = listener.address;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    dataRoot,
    log,
    opened,
    attempts,
    listener,
    state,
    rows: () => rowsOf(paths.index),
    incoming: () => readdirSync(paths.incoming),
    refusals,
    async attemptRows() {
      await attempts.flush();
      return attemptLines(paths.attempts).flatMap((line) => (line.kind === "attempt" ? [line.row] : []));
    },
    async sums() {
      await refusals.flush();
      return attemptLines(paths.attempts).flatMap((line) => (line.kind === "sum" ? [line.sum] : []));
    },
  };
}

export function rowsOf(indexPath: string): IndexRow[] {
  return linesOf(indexPath) as IndexRow[];
}

/** What stands in a directory of attempts. */
export function attemptLines(dir: string): AttemptLine[] {
  if (!existsSync(dir)) return [];
  const lines = readdirSync(dir).flatMap((name) => readFileSync(join(dir, name), "utf8").split("\n"));
  return lines.flatMap((line) => (line === "" ? [] : [parseAttempt(line)])).filter((line) => line !== null);
}

function linesOf(path: string): unknown[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}

/** A PUT by fetch, with the digest unless told otherwise. */
export function put(
  url: string,
  host: string,
  id: string,
  body: Uint8Array,
  headers: Record<string, string> = { "Repr-Digest": reprDigest(body) },
): Promise<Response> {
  return fetch(`${url}/v1/episodes/${host}/${id}.tar.zst`, { method: "PUT", body, headers, proxy: "" });
}

export interface RawClient {
  socket: net.Socket;
  /** All that came so far. */
  text(): string;
  /** Resolves when `part` has come. */
  seen(part: string): Promise<void>;
  /** Resolves when the server ended the connection, with "end" or the error's code. */
  closed: Promise<string>;
  send(data: string | Uint8Array): Promise<void>;
}

/** A client that speaks bytes. */
export async function rawClient(port: number): Promise<RawClient> {
  const socket = net.connect(port, "127.0.0.1");
  const parts: Buffer[] = [];
  let failure = "end";
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("error", (error: NodeJS.ErrnoException) => {
    failure = error.code ?? error.message;
  });
  const closed = new Promise<string>((resolve) => socket.on("close", () => resolve(failure)));
  await once(socket, "connect");
  onCleanUp(() => socket.destroy());
  const text = (): string => Buffer.concat(parts).toString("latin1");
  return {
    socket,
    text,
    closed,
    seen: (part) => until(() => text().includes(part)),
    send: (data) =>
      new Promise((resolve) => {
        socket.write(data, () => resolve());
      }),
  };
}

/** Sends a request whole and returns the status of its answer, or what happened instead. */
export async function rawStatus(port: number, head: string, body: Uint8Array = new Uint8Array()): Promise<string> {
  const client = await rawClient(port);
  await client.send(Buffer.concat([Buffer.from(head, "latin1"), body]));
  await Promise.race([client.seen("\r\n\r\n"), client.closed]);
  const status = /^HTTP\/1\.1 (\d{3})/.exec(client.text())?.[1] ?? (await client.closed);
  client.socket.destroy();
  return status;
}
