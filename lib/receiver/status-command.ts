// `receiver status`: whether it runs, where it listens, whether it can store, and how its last run ended.

import { join } from "node:path";
import { EXIT } from "../core/exit.ts";
import { printable } from "../core/printable.ts";
import { notRunningText } from "../core/unit-fix.ts";
import { print } from "../os/answer.ts";
import { isUnreadable } from "../os/proc.ts";
import { startFailure } from "../os/start-failure.ts";
import { readSmallFile } from "../os/sync-files.ts";
import { isStartRefused } from "../runtime/forensics/end-records.ts";
import { type EndReport, readEnds } from "../runtime/forensics/ends.ts";
import { notReadyText, type Storing } from "./readiness-watch.ts";
import type { ReceiverConfig } from "./settings.ts";
import { lookAtCollector } from "./storing.ts";

interface Status {
  data_root: string;
  running: boolean;
  pid: number | null;
  /** `host:port`, null when it does not run. */
  listen: string | null;
  /** What `/readyz` says. */
  storing: Storing;
  last_end: EndReport | null;
  /** Why systemd could not start it (`217/USER`); null: nothing is known of that. */
  start_failure: string | null;
}

/** Prints the status. @returns exit code 0 */
export async function statusCommand(config: ReceiverConfig, json: boolean): Promise<number> {
  const { dataRoot, runDir } = config;
  const { pid, ...storing } = await lookAtCollector(config, Date.now());
  const status: Status = {
    data_root: dataRoot,
    running: pid !== null,
    pid,
    listen: pid === null ? null : readListen(runDir),
    storing,
    last_end: readEnds(join(dataRoot, "ends")).last,
    start_failure: pid === null ? await startFailure("receiver") : null,
  };
  await print(`${json ? JSON.stringify(status, null, 2) : renderStatus(status)}\n`);
  return EXIT.ok;
}

function renderStatus({ data_root, pid, listen, storing, last_end, start_failure }: Status): string {
  return [
    `receiver   ${pid === null ? notRunningText("receiver", isStartRefused(last_end), start_failure) : `running (pid ${pid}), listening on ${listen ?? "an unknown address"}`}`,
    `storing    ${printable(storingText(storing))}`,
    `data root  ${data_root}`,
    `last end   ${last_end === null ? "none is known" : printable(last_end.sentence)}`,
  ].join("\n");
}

function storingText({ ready, why, fix }: Storing): string {
  if (ready === true) return "yes";
  return `${ready === false ? "NO" : "not known"}: ${notReadyText({ why: why ?? "no reason is known", fix })}`;
}

/** An IPv6 address with its zone, or a host name of DNS, and a port: more is none of ours. */
const LISTEN_BYTES = 300;

/** The address that the daemon wrote into its run directory, safe to show; null when there is none that can be read. */
export function readListen(runDir: string): string | null {
  const file = readSmallFile(join(runDir, "listen"), LISTEN_BYTES);
  if (file === null || isUnreadable(file)) return null;
  return printable(file.text.trim()) || null;
}
