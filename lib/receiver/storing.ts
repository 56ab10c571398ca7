// Whether episodes can be stored, as a command sees it: what a receiver that runs says of itself, since its unit may see
// another disk than we do; where none runs, by the same look.

import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { errorCode, UserError } from "../core/failure.ts";
import { unitLine } from "../core/unit-fix.ts";
import { lockHolder } from "../os/lock.ts";
import { placeId } from "../os/place-id.ts";
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
  if (pid === null) return { pid, ...(await ownLook(config)) };
  return { pid, ...(lookFromOutside(pid, dataRoot) ?? readStoring(runDir, nowMs)) };
}

/**
 * Whether a running receiver works on another disk than the one that stands at its data root here: the sandbox of its unit keeps
 * one that was unmounted, and it cannot tell that itself. Null: it does not, or we may not look.
 */
export function lookFromOutside(pid: number, dataRoot: string): Storing | null {
  const theirs = idOf(join(`/proc/${pid}/root`, resolve(dataRoot)));
  if (theirs === null || theirs === idOf(dataRoot)) return null;
  return {
    ready: false,
    why: `the receiver (pid ${pid}) still writes to a disk that is not mounted at ${dataRoot} any more, and what it stores is on that disk alone`,
    fix: `mount that disk there again, then: ${unitLine("receiver", "restart")}`,
  };
}

/** See `placeId`; null: nothing is there, or we may not look. */
function idOf(path: string): string | null {
  try {
    return placeId(path);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
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
