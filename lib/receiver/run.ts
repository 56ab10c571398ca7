// Wires the receiver together: config, lock, store, port, drain. The only place that binds a port.

import { existsSync, readFileSync, statfsSync } from "node:fs";
import { join } from "node:path";
import type { CommandLine } from "../cli/options.ts";
import { errorText, UserError } from "../core/failure.ts";
import { stopBudget } from "../core/stop-budget.ts";
import { formatBytes } from "../core/units.ts";
import { writeFileDurable } from "../os/files.ts";
import { lockDataRoot } from "../os/lock.ts";
import { type DaemonContext, type Phase, type Running, runDaemon } from "../runtime/daemon.ts";
import { type Log, openLog, readLogLevel } from "../runtime/log.ts";
import { type Admission, createAdmission } from "./admission.ts";
import { createApp } from "./app.ts";
import { type Attempts, openAttempts } from "./attempts.ts";
import { createTokenCheck, openToOthers } from "./auth.ts";
import { createGate } from "./gate.ts";
import { type Listener, listen, type TlsMaterial } from "./listen.ts";
import { loadReceiverConfig } from "./load.ts";
import { makeDataDirs, type OpenedStore, openStore, writeProbe } from "./open.ts";
import { addressOption, dataPaths, type ReceiverConfig } from "./settings.ts";

/** A commit that takes longer than this is a hung disk, seconds. */
const COMMIT_LIMIT_S = 120;
const STATUS_EVERY_MS = 5000;
const DAY_MS = 86_400_000;

/** Runs the receiver until it is told to stop; resolves with the exit code. */
export async function serve(line: CommandLine): Promise<number> {
  const log = openLog("receiver", readLogLevel(line.options["log-level"]));
  const config = await loadReceiverConfig(line, log);
  if (typeof line.options.listen === "string") config.listen = addressOption(line.options.listen);
  const tls = readTls(config.tls);
  await makeDataDirs(config.dataRoot);
  lockDataRoot("receiver", config.dataRoot, config.runDir);
  warnOfOpenDoors(config, log);
  const budget = stopBudget(config.drainTimeoutS);
  return runDaemon(log, budget, (context) => start(config, tls, context));
}

async function start(config: ReceiverConfig, tls: TlsMaterial | null, context: DaemonContext): Promise<Running> {
  const { log } = context;
  const paths = dataPaths(config.dataRoot);
  const begin = (name: string) => context.progress.begin(name, COMMIT_LIMIT_S);
  const nowMs = () => Date.now();
  const opened = await openStore({ dataRoot: config.dataRoot, log, begin });
  const attempts = openAttempts(paths.attempts, log);
  await attempts.prune(nowMs());
  const admission = createAdmission(config, () => freeNow(config.dataRoot));
  let stopping = false;
  const app = createApp({
    ...config,
    maxBytes: config.maxEpisodeBytes,
    commitRequired: config.requireCommit,
    checkToken: config.requireToken ? createTokenCheck(config.tokensDir, log) : null,
    accepted: createGate(config.acceptedCommitsFile, log),
    notReady: async () => whyNotReady(config, paths.incoming),
    stopping: () => stopping,
    incoming: paths.incoming,
    store: opened.store,
    disk: opened.disk,
    admission,
    attempts,
    log,
    begin,
    nowMs,
  });
  const listener = await listen(app.fetch, {
    ...config.listen,
    tls,
    rate: { minBytesPerS: config.minRateBytesPerS, windowS: config.minRateWindowS },
    headerTimeoutS: config.headerTimeoutS,
    keepAliveTimeoutS: config.keepAliveTimeoutS,
    onBadConnection: (what) => log.debug("bad connection", { what }),
  });
  await announce(config, listener, opened, log);
  const stopChores = startChores(config, context, opened, admission, attempts);
  return {
    drain: drainPhases(config, listener, attempts, opened, () => {
      stopping = true;
      stopChores();
    }),
  };
}

/** The steps of a clean stop. */
function drainPhases(
  config: ReceiverConfig,
  listener: Listener,
  attempts: Attempts,
  opened: OpenedStore,
  begin: () => void,
): Phase[] {
  return [
    {
      name: "stop listening",
      run: async () => {
        begin();
        listener.close();
      },
    },
    {
      name: "finish uploads",
      run: async () => {
        const cut = setTimeout(() => listener.cutBodies(), config.drainTimeoutS * 1000);
        // A disk that hangs keeps its uploads from ever settling; systemd must not have to kill us for it.
        const giveUp = Bun.sleep(config.drainTimeoutS * 1000 + 5000);
        await Promise.race([listener.settled(), giveUp]);
        clearTimeout(cut);
        listener.destroy();
      },
    },
    {
      name: "flush attempts",
      run: async () => {
        await attempts.flush();
        await opened.close();
      },
    },
  ];
}

/** Writes where we listen, for tests and for whoever starts us on port 0, and says what was found. */
async function announce(
  config: ReceiverConfig,
  { address }: Listener,
  { index, reconciled }: OpenedStore,
  log: Log,
): Promise<void> {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  await writeFileDurable(join(config.runDir, "listen"), `${host}:${address.port}\n`, 0o644);
  const { adopted, missing, swept } = reconciled;
  log.info(`${index.table.size} episodes stored in ${config.dataRoot}`, { adopted, missing, swept });
  const how = config.tls === null ? "http" : config.tls.clientCa === null ? "https" : "https with client certificates";
  log.info(`listening on ${host}:${address.port} (${how})`);
}

/** The status line and the daily pruning; returns what ends them. */
function startChores(
  config: ReceiverConfig,
  context: DaemonContext,
  opened: OpenedStore,
  admission: Admission,
  attempts: Attempts,
): () => void {
  const status = (): void => {
    const stored = String(opened.index.table.size).replace(/\B(?=(\d{3})+$)/g, " ");
    context.status(
      `${admission.uploads} uploads, ${stored} episodes stored, ${formatBytes(freeNow(config.dataRoot))} free`,
    );
  };
  status();
  const timers = [setInterval(status, STATUS_EVERY_MS), setInterval(() => void attempts.prune(Date.now()), DAY_MS)];
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}

/** Free bytes on the disk of `path`. Synchronous: statfs reads counters in the kernel's memory, once for each PUT. */
function freeNow(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

let probed: { atMs: number; why: string | null } = { atMs: Number.NEGATIVE_INFINITY, why: null };

/** Why no episode can be stored now, or null. Asked by anyone, so that the disk is touched once a second at most. */
function whyNotReady(config: ReceiverConfig, incoming: string): string | null {
  const atMs = performance.now();
  if (atMs - probed.atMs < 1000) return probed.why;
  let why: string | null = null;
  try {
    writeProbe(incoming);
    const free = freeNow(config.dataRoot);
    if (free < config.diskReserveBytes)
      why = `${formatBytes(free)} free, below the reserve of ${formatBytes(config.diskReserveBytes)}`;
  } catch (error) {
    why = `the data root cannot be written: ${errorText(error)}`;
  }
  probed = { atMs, why };
  return why;
}

function readTls(tls: ReceiverConfig["tls"]): TlsMaterial | null {
  if (tls === null) return null;
  return {
    certificate: readPem("tls.certificate", tls.certificate),
    key: readPem("tls.key", tls.key),
    clientCa: tls.clientCa === null ? null : readPem("tls.client_ca", tls.clientCa),
  };
}

function readPem(key: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UserError(
      `${key}: cannot read ${path}: ${errorText(error)}`,
      "name a PEM file that this service may read",
    );
  }
  if (!text.includes("-----BEGIN ")) throw new UserError(`${key}: ${path} is no PEM file`, "name a PEM file");
  return text;
}

function warnOfOpenDoors(config: ReceiverConfig, log: Log): void {
  if (!config.requireToken && (config.tls?.clientCa ?? null) === null) {
    log.warn(
      "neither tokens nor client certificates are asked for: everyone who reaches this port may store episodes under any host's name",
    );
  }
  if (!config.requireToken) return;
  const open = openToOthers(config.tokensDir);
  if (open !== null) log.warn(open);
  if (!existsSync(config.tokensDir))
    log.warn(`${config.tokensDir} does not exist: no host can ship; fix: receiver token add <host>`);
}
