// Whether episodes can be stored, as a command sees it: what a receiver that runs says of itself, since its unit may see
// another disk than we do; where none runs, by the same look.

import { statSync } from "node:fs";
import { UserError } from "../core/failure.ts";
import { lockHolder } from "../os/lock.ts";
import { needStore } from "./data-root.ts";
import { createReadiness, glance, type NotReady } from "./readiness.ts";
import { readStoring, type Storing } from "./readiness-watch.ts";
import { dataPaths, type ReceiverConfig } from "./settings.ts";

export interface Collector extends Storing {
  /** The receiver's; null: none runs. */
  pid: number | null;
}

/** Whether a receiver runs, and whether it can store. */
export async function lookAtCollector(config: ReceiverConfig, nowMs: number): Promise<Collector> {
  const { dataRoot, runDir } = config;
  const pid = lockHolder({ tool: "receiver", dataRoot, runDir });
  return { pid, ...(pid === null ? await ownLook(config) : readStoring(runDir, nowMs)) };
}

async function ownLook({ dataRoot, diskReserveBytes }: ReceiverConfig): Promise<Storing> {
  try {
    needStore(dataRoot);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ready: false, why: error.message, fix: error.hint };
  }
  const parts = { dataRoot, incoming: dataPaths(dataRoot).incoming, diskReserveBytes };
  const isTold = mayWrite(dataRoot);
  const found: NotReady | null = isTold ? await createReadiness(parts)() : glance(parts);
  if (found !== null && (isTold || found.kind !== "refused")) return { ready: false, why: found.why, fix: found.fix };
  if (isTold) return { ready: true, why: null, fix: null };
  return { ready: null, why: "only root and the receiver's user can tell", fix: null };
}

/** What another user may not do says nothing about what the receiver may. */
function mayWrite(dataRoot: string): boolean {
  const uid = process.geteuid?.();
  return uid === 0 || uid === statSync(dataRoot).uid;
}
