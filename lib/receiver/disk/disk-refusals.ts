// A failing disk as an answer. It is ours, so never a 4xx; what has no error code is a bug and goes on up.

import { errorCode, errorText } from "../../core/failure.ts";
import { lineFix } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import type { Log } from "../../runtime/log/log.ts";
import { type Refusal, refuse } from "../decide.ts";
import { fullText, type Room } from "../room.ts";
import { repairLine } from "./repair-line.ts";

/** The code of an error that a store throws where something stands in an archive's place and is none. */
export const MISPLACED = "EMISPLACED";

export interface DiskDeps {
  log: Pick<Log, "warn" | "error">;
  /** What the disk still takes. */
  room: () => Room;
  /** Told that it has refused something: whether it takes anything is looked at anew. */
  diskRefused?: () => void;
}

/** Writes; a full disk is a warning. */
export async function onDisk<T>(
  { log, room, diskRefused }: DiskDeps,
  what: string,
  work: () => Promise<T>,
): Promise<T | Refusal> {
  try {
    return await work();
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    if (code === MISPLACED) return misplaced(log, what, error);
    diskRefused?.();
    if (code === "ENOSPC" || code === "EDQUOT") {
      log.warn(`disk full while storing ${what}: ${quoted(errorText(error))}`);
      return refuse("disk-full", fullText(code, room()), { retryAfterS: 300 });
    }
    log.error(`cannot store ${what}: ${quoted(errorText(error))}`);
    return refuse("storage-failed", "the receiver's disk failed", { retryAfterS: 60 });
  }
}

/** Reads; what the disk refuses is said once, and is no bug. */
export async function fromDisk<T>(log: Pick<Log, "error">, what: string, read: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await read();
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    if (code === MISPLACED) return misplaced(log, what, error);
    log.error(`cannot read ${what}: ${quoted(errorText(error))}`);
    return refuse("storage-failed", "the receiver's disk failed", { retryAfterS: 60 });
  }
}

/** A store says so of what stands in an archive's place and is none. */
function misplaced(log: Pick<Log, "error">, what: string, error: unknown): Refusal {
  log.error({ what: `${what}: ${errorText(error)}`, fix: lineFix(`move it aside: ${repairLine("--repair")}`) });
  return refuse("damaged", "something else stands in this episode's place; on the collector: sudo receiver verify", {
    retryAfterS: 300,
  });
}
