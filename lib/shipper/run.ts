// Wires the shipper together: command line -> config -> daemon, one pass, status or requeue.

import { readFileSync, writeFileSync } from "node:fs";
import { readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { CommandLine } from "../cli/options.ts";
import { EXIT } from "../core/exit.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { stopBudget } from "../core/stop-budget.ts";
import { exists, makeDir } from "../os/files.ts";
import { lockDataRoot } from "../os/lock.ts";
import { loadConfig } from "../runtime/config.ts";
import { type DaemonContext, type Running, runDaemon } from "../runtime/daemon.ts";
import { type Log, openLog, readLogLevel } from "../runtime/log.ts";
import { createProgress } from "../runtime/progress.ts";
import { readDocument } from "./document.ts";
import { Engine } from "./engine.ts";
import { createHousekeeping, type Housekeeping } from "./housekeeping.ts";
import { type Packer, startPacker } from "./packer.ts";
import { sweepDoomed } from "./retention.ts";
import { DEFAULT_CONFIG_PATH, dataDirs, PYTHON_DATA_ROOT, type ShipperConfig } from "./settings.ts";
import { type Dirs, requeue } from "./settle.ts";
import { liveStatus, readStatus, reasonOf, renderStatus, statusLine } from "./status.ts";

/** Runs the shipper's command line; resolves with the exit code. */
export async function runShipper(line: CommandLine): Promise<number> {
  const log = openLog("shipper", readLogLevel(line.options["log-level"]));
  const source = { given: line.options.config, defaultPath: DEFAULT_CONFIG_PATH, thread: "lib/shipper/config-worker" };
  const config = await loadConfig<ShipperConfig>(source, log);
  const dirs = dataDirs(config.dataRoot);
  switch (line.command) {
    case "status":
      return printStatus(config, dirs, line.options.json === true);
    case "requeue":
      return requeueEpisodes(dirs, line, log);
    case "once":
      return shipOnce(config, dirs, log);
    default:
      return runDaemon(log, stopBudget(config.drainTimeoutS), (context) => startDaemon(config, dirs, context));
  }
}

async function openDataRoot(config: ShipperConfig, dirs: Dirs, log: Log): Promise<void> {
  if (!config.dataRootIsSet && (await exists(PYTHON_DATA_ROOT))) {
    log.warn(
      `[paths] data_root is not set, so ${config.dataRoot} is used; ${PYTHON_DATA_ROOT} exists too and is not looked at`,
    );
  }
  try {
    for (const dir of [config.dataRoot, ...Object.values(dirs)]) await makeDir(dir);
  } catch (error) {
    throw new UserError(
      `cannot make the data directories: ${errorText(error)}`,
      `create ${config.dataRoot} and give it to the shipper's user`,
    );
  }
  lockDataRoot("shipper", config.dataRoot, config.runDir);
  for (const path of await sweepDoomed(dirs)) log.warn("cannot remove what is left of a pruned episode", { path });
  await refuseSplitDisks(dirs);
}

/** Episodes are moved by rename, which does not reach across file systems. */
async function refuseSplitDisks(dirs: Dirs): Promise<void> {
  const { dev } = await stat(dirs.episodes);
  for (const dir of [dirs.shipped, dirs.quarantine]) {
    if ((await stat(dir)).dev === dev) continue;
    throw new UserError(
      `${dir} is on another file system than ${dirs.episodes}, and episodes are moved by rename`,
      "mount one file system at [paths] data_root for all of them",
    );
  }
}

interface Parts {
  engine: Engine;
  housekeeping: Housekeeping;
  packer: Packer;
}

function build(
  config: ShipperConfig,
  dirs: Dirs,
  context: Omit<DaemonContext, "status">,
  once: boolean,
  changed: () => void,
): Parts {
  const { log, progress, fail } = context;
  const now = (): number => performance.now();
  const packer = startPacker();
  const { fingerprint } = packer;
  const housekeeping = createHousekeeping({ config, dirs, log, fingerprint, monotonicMs: now, wallMs: Date.now });
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const freeSpace = housekeeping.freeSpace;
  const engine = new Engine({
    config,
    dirs,
    packer,
    log,
    progress,
    bootId,
    now,
    random: Math.random,
    freeSpace,
    changed,
    fail,
    once,
  });
  return { engine, housekeeping, packer };
}

async function startDaemon(config: ShipperConfig, dirs: Dirs, context: DaemonContext): Promise<Running> {
  await openDataRoot(config, dirs, context.log);
  let dirty = true;
  const { engine, housekeeping, packer } = build(config, dirs, context, false, () => {
    dirty = true;
  });
  const report = (): void => {
    if (!dirty) return;
    dirty = false;
    const live = liveStatus(engine, Date.now(), performance.now());
    context.status(statusLine(live));
    writeLive(config.runDir, JSON.stringify(live), context.log);
  };
  const pass = async (): Promise<void> => {
    const work = context.progress.begin("scan of the episodes", 120);
    await housekeeping.prune();
    await engine.scan();
    engine.pump();
    work.done();
  };
  await engine.recover();
  await pass();
  report();
  const reporting = setInterval(report, 1000);
  let passing: Promise<void> | null = null;
  const ticking = setInterval(() => {
    dirty = true;
    passing ??= pass()
      .catch(context.fail)
      .finally(() => {
        passing = null;
      });
  }, config.scanIntervalS * 1000);
  context.log.info("ready", {
    host: config.hostId,
    receiver: config.receiver.url,
    data_root: config.dataRoot,
    to_ship: engine.queue.size,
  });
  const stop = async (): Promise<void> => {
    clearInterval(ticking);
    await passing;
    await engine.stop(config.drainTimeoutS * 1000);
  };
  const close = async (): Promise<void> => {
    clearInterval(reporting);
    packer.close();
    writeLive(config.runDir, "null", context.log);
  };
  return {
    drain: [
      { name: "finish uploads", run: stop },
      { name: "close", run: close },
    ],
  };
}

async function shipOnce(config: ShipperConfig, dirs: Dirs, log: Log): Promise<number> {
  await openDataRoot(config, dirs, log);
  const failure = Promise.withResolvers<never>();
  const progress = createProgress(() => performance.now());
  const { engine, housekeeping, packer } = build(config, dirs, { log, progress, fail: failure.reject }, true, () => {});
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  await engine.recover();
  await housekeeping.prune();
  await engine.scan();
  engine.pump();
  await Promise.race([engine.settled(), failure.promise, stopped.then(() => engine.stop(config.drainTimeoutS * 1000))]);
  packer.close();
  const left = engine.queue.size;
  const summary = { shipped: engine.delivered, quarantined: engine.quarantined, left };
  if (left === 0 && engine.quarantined === 0) {
    log.info("all shipped", summary);
    return EXIT.ok;
  }
  log.warn(
    engine.breaker.pause === null
      ? "not everything could be shipped"
      : `not everything could be shipped: ${engine.breaker.pause.detail}`,
    summary,
  );
  return EXIT.undelivered;
}

async function printStatus(config: ShipperConfig, dirs: Dirs, json: boolean): Promise<number> {
  try {
    const status = await readStatus(config, dirs);
    process.stdout.write(`${json ? JSON.stringify(status, null, 2) : renderStatus(status)}\n`);
    return EXIT.ok;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    throw new UserError(
      `cannot read the data root: ${errorText(error)}`,
      "run this as root or as the shipper's user, after the shipper's first start",
    );
  }
}

async function requeueEpisodes(dirs: Dirs, line: CommandLine, log: Log): Promise<number> {
  const all = line.options.all === true;
  const wanted = line.options.reason;
  if (all === line.operands.length > 0)
    throw new UserError(
      "name the episodes, or say --all",
      "shipper requeue <id>…, or shipper requeue --all [--reason R]",
    );
  if (!all && wanted !== undefined) throw new UserError("--reason goes with --all", "shipper requeue --all --reason R");
  const names = all ? await quarantinedFor(dirs, typeof wanted === "string" ? wanted : null) : line.operands;
  let refused = 0;
  for (const name of names) {
    const result = await requeue(dirs, name);
    if ("id" in result) log.info("queued again", { episode: result.id });
    else log.error(`not queued: ${result.refused}`);
    if (!("id" in result)) refused++;
  }
  process.stdout.write(`${names.length - refused} of ${names.length} queued again\n`);
  return refused === 0 ? EXIT.ok : EXIT.undelivered;
}

async function quarantinedFor(dirs: Dirs, reason: string | null): Promise<string[]> {
  const entries = await readdir(dirs.quarantine, { withFileTypes: true });
  const names = entries.filter((e) => e.isDirectory() && !e.name.startsWith(".")).map(({ name }) => name);
  if (reason === null) return names;
  const chosen: string[] = [];
  for (const name of names) {
    if (reasonOf(await readDocument(join(dirs.quarantine, name), "quarantine")) === reason) chosen.push(name);
  }
  return chosen;
}

/** The run directory is in memory and the report is renewed every second: a rename is all it needs. */
function writeLive(runDir: string, text: string, log: Log): void {
  const path = join(runDir, "status.json");
  try {
    writeFileSync(`${path}.tmp`, `${text}\n`, { mode: 0o644 });
    void rename(`${path}.tmp`, path).catch(() => undefined);
  } catch (error) {
    log.debug(`cannot write ${path}: ${errorText(error)}`);
  }
}
