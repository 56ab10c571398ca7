// A store on files that no receiver has open, as a command sees it: by the same look as a receiver's own.

import { statfsSync, statSync } from "node:fs";
import { dataPaths } from "../../contract/places.ts";
import type { Seen } from "../episode-store.ts";
import { roomOf } from "../room.ts";
import { createReadiness, glance } from "./readiness.ts";

/** Whether episodes can be stored in a data root, and what still fits. @throws the disk's error */
export async function lookAtStore(dataRoot: string, reserveBytes: number): Promise<Seen> {
  const parts = { dataRoot, incoming: dataPaths(dataRoot).incoming, reserveBytes: () => reserveBytes };
  const isTold = mayWrite(dataRoot);
  const why = isTold ? await createReadiness(parts)() : glance(parts);
  if (why !== null && (isTold || why.kind !== "refused")) return { ready: false, why };
  return isTold ? { ready: true, room: roomOf(statfsSync(dataRoot)) } : { ready: null };
}

/** What another user may not do says nothing about what the receiver may. */
function mayWrite(dataRoot: string): boolean {
  const uid = process.geteuid?.();
  return uid === 0 || uid === statSync(dataRoot).uid;
}
