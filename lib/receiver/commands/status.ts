// `receiver status`: whether it runs, where it listens, whether it can store, and how its last run ended.

import { join } from "node:path";
import type { HealthRun } from "../../contract/health-run.ts";
import type { Storing } from "../../contract/readiness.ts";
import { readFix } from "../../contract/said.ts";
import { EXIT } from "../../core/exit.ts";
import { type Finding, findingText } from "../../core/finding.ts";
import { isUnreadable } from "../../core/reading.ts";
import { printable } from "../../core/text/printable.ts";
import { formatBytes } from "../../core/text/quantity.ts";
import { watcherProblem, watcherText } from "../../fleet/watcher.ts";
import { print } from "../../os/answer.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import { toldEnd } from "../../runtime/ends/end-records.ts";
import { timeText } from "../listen/certificate-life.ts";
import { readHealthRun } from "../readiness/health-check.ts";
import { type Collector, lookAtCollector } from "../readiness/storing.ts";
import type { ReceiverConfig } from "../settings.ts";
import { type LastRun, lastRun, whyNotRunning } from "./not-running.ts";

interface Status extends LastRun {
  data_root: string;
  running: boolean;
  pid: number | null;
  /** `host:port`, null when it does not run. */
  listen: string | null;
  /** What `/readyz` says, and how much room there is. */
  storing: Storing & Pick<Collector, "room" | "no_room">;
  certificate: Collector["certificate"];
  /** How the last run of the health check went; null: it has never run here, or nobody can tell. */
  health_check: HealthRun | null;
  /** What is wrong with it; null: nothing, or nobody can tell. */
  health_check_problem: Finding | null;
}

/** Prints the status. @returns exit code 0 */
export async function statusCommand(config: ReceiverConfig, json: boolean): Promise<number> {
  const { dataRoot, runDir } = config;
  const run = readHealthRun(dataRoot);
  const { pid, certificate, ...storing } = await lookAtCollector(config, Date.now());
  const status: Status = {
    data_root: dataRoot,
    running: pid !== null,
    pid,
    listen: pid === null ? null : readListen(runDir),
    storing,
    certificate,
    health_check: run === "unknown" ? null : run,
    health_check_problem: run === "unknown" ? null : watcherProblem(run, Date.now()),
    ...(await lastRun(dataRoot, pid !== null)),
  };
  await print(`${json ? JSON.stringify(status, null, 2) : renderStatus(status)}\n`);
  return EXIT.ok;
}

function renderStatus(status: Status): string {
  const { data_root, pid, listen, storing, certificate, last_end } = status;
  return [
    `receiver   ${pid === null ? findingText(whyNotRunning(status)) : `running (pid ${pid}), listening on ${listen ?? "an unknown address"}`}`,
    `storing    ${printable(storingText(storing))}`,
    ...(certificate === null ? [] : [`tls        ${printable(certificateText(certificate))}`]),
    `watched    ${printable(watchedText(status))}`,
    `data root  ${data_root}`,
    `last end   ${last_end === null ? "none is known" : printable(findingText(toldEnd(last_end)))}`,
  ].join("\n");
}

function watchedText({ health_check: run, health_check_problem: problem }: Status): string {
  if (problem !== null) return findingText(problem);
  return run === null ? "not known: only root and the receiver's user can tell" : watcherText(run, Date.now());
}

function certificateText({ file, valid_to, what, fix }: NonNullable<Status["certificate"]>): string {
  if (what === null) return `${file} is valid until ${timeText(Date.parse(valid_to))}`;
  return findingText({ what, fix: readFix(fix) });
}

/** In words; a remedy is the last of them. */
export function storingText({ ready, why, fix, room, no_room }: Status["storing"]): string {
  if (ready === true) {
    const above =
      room === null
        ? "yes"
        : `yes, ${formatBytes(room.above_reserve_bytes)} above the reserve of ${formatBytes(room.reserve_bytes)}`;
    return no_room === null ? above : `${above}; ${findingText({ what: no_room.what, fix: readFix(no_room.fix) })}`;
  }
  return `${ready === false ? "NO" : "not known"}: ${findingText({ what: why ?? "no reason is known", fix: readFix(fix) })}`;
}

/** An IPv6 address with its zone, or a host name of DNS, and a port: more is none of ours. */
const LISTEN_BYTES = 300;

/** The address that the daemon wrote into its run directory, safe to show; null when there is none that can be read. */
export function readListen(runDir: string): string | null {
  const file = readSmallFile(join(runDir, "listen"), LISTEN_BYTES);
  if (file === null || isUnreadable(file)) return null;
  return printable(file.text.trim()) || null;
}
