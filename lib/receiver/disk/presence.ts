// Whether the store still stands where it stood at the start. Its disk may be pulled or unmounted under a receiver: what is made in
// the bare mount point then lies below the disk afterwards, where nobody sees it. So nothing is made there.

import { lstatSync, readdirSync } from "node:fs";
import { EXIT } from "../../core/exit.ts";
import { errorCode, UserError } from "../../core/failure.ts";
import { type Fix, here } from "../../core/finding.ts";
import { mountPointOf } from "../../os/files/disk-refusal.ts";
import { identityPaths } from "../identity/files.ts";
import { placeId } from "./place-id.ts";

/** `gone`: nothing, or a directory that holds no store; `another`: one that holds a store, which nobody has locked. */
export type Standing = "ours" | "gone" | "another";

/** Throws the disk's error while the store is not there. To be called before anything is made in it. */
export type NeedHere = () => void;
/** For whoever has the place to itself. */
export const HERE: NeedHere = () => undefined;

export interface Presence {
  look(): Standing;
  needHere: NeedHere;
  /** Why nothing can be stored, and what mends it; null: it is there. */
  missing(): { kind: "gone"; why: string; fix: Fix } | null;
}

/** The store that stands in `dataRoot` now. @throws Error of the system */
export function openPresence(dataRoot: string): Presence {
  const own = placeId(dataRoot);
  const point = mountPointOf(dataRoot);
  const marks = Object.values(identityPaths(dataRoot));
  const look = (): Standing => {
    try {
      if (placeId(dataRoot) === own) return "ours";
    } catch (error) {
      // A disk that answers otherwise says so by itself, to whoever uses it.
      return isAbsence(error) ? "gone" : "ours";
    }
    return marks.some(isThere) ? "another" : "gone";
  };
  return {
    look,
    needHere() {
      if (look() !== "ours") throw Object.assign(new Error(`ENOENT: ${goneText(dataRoot)}`), { code: "ENOENT" });
    },
    missing: () =>
      look() === "ours" ? null : { kind: "gone", why: goneText(dataRoot), fix: backFix(dataRoot, point) },
  };
}

/** Another process may work there, and our files are open elsewhere: a new start locks it and reads its index. */
export function otherStore(dataRoot: string): UserError {
  const what = `another store stands at ${dataRoot} than the one that was locked at the start`;
  return new UserError(what, "start the receiver again, as systemd does by itself", EXIT.undelivered);
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    return !isAbsence(error);
  }
}

function isAbsence(error: unknown): boolean {
  const code = errorCode(error);
  if (code === null) throw error;
  return code === "ENOENT" || code === "ENOTDIR";
}

function goneText(dataRoot: string): string {
  return `the store has gone from ${dataRoot} while the receiver was at work: ${standsThere(dataRoot)}`;
}

function standsThere(dataRoot: string): string {
  try {
    return readdirSync(dataRoot).length === 0 ? "an empty directory stands there" : "what stands there holds no store";
  } catch (error) {
    return isAbsence(error) ? "nothing stands there" : `what stands there cannot be read (${errorCode(error)})`;
  }
}

/** What was no mount of its own was moved by somebody. */
function backFix(dataRoot: string, point: string): Fix {
  return point === "/"
    ? { text: "put it back; what is mounted there is shown by", commands: [here("findmnt", "-T", dataRoot)] }
    : {
        text: "put its disk back and mount it (as /etc/fstab or whoever mounted it says)",
        commands: [here("sudo", "mount", point)],
      };
}
